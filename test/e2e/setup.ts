// Whole stages take their time on a busy machine. Every wait in the harness has a deadline of its own, which says more.
jest.setTimeout(180_000);
