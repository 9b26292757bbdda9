"""Record batches as bytes: the Arrow IPC stream format, large batches compressed by LZ4."""

import pyarrow as pa

COMPRESSED_BYTES = 16 * 1024
"""From this size on a batch is compressed. To set up the compressor for each buffer costs a small batch, like
that of one request, twenty times what writing it does. Readers take either."""

_PLAIN = pa.ipc.IpcWriteOptions()
_COMPRESSED = pa.ipc.IpcWriteOptions(compression="lz4")


def encode(batch: pa.RecordBatch) -> bytes:
    """Turn one batch into bytes that name their own schema.

    Args:
        batch: Any batch.

    >>> batch = pa.record_batch({"x": [1, 2, None]})
    >>> decode(encode(batch)).equals(batch)
    True
    """
    options = _PLAIN if batch.nbytes < COMPRESSED_BYTES else _COMPRESSED
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema, options=options) as writer:
        writer.write_batch(batch)
    return sink.getvalue().to_pybytes()


def decode(data: bytes) -> pa.RecordBatch:
    """Turn bytes written by `encode` back into the batch.

    Args:
        data: The bytes.
    """
    with pa.ipc.open_stream(pa.py_buffer(data)) as reader:
        return reader.read_next_batch()
