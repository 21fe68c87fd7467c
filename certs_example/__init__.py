"""An example exchange: agencies, their CAs, keys, certificates and descriptors. For the demo and the tests only."""
