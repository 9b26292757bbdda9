"""Rules, decisions and the outbox that carries them out."""
