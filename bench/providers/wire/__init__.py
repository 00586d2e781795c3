"""The measured hot path: HTTP/1.1 on raw sockets. In: request bytes. Out: bytes with their arrival times. Knows no JSON and no model."""
