"""What flows: frozen records and nothing else. In: nothing. Out: data. Imports only msgspec and the standard library."""
