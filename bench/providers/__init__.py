"""Request -> stamped chunks. In: requests and an endpoint. Out: exchanges. Imports no other stage."""
