"""What every package of use cases is built from: records, ports, states, seals, the agency and its standing."""
