"""The entity state store. Not how state is computed: that is the kernel."""
