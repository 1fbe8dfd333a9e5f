"""What the tests share: kernels, servers, wires and faults."""
