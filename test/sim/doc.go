// Package sim tests the control plane as a whole against the simulated cloud. It has no product code.
//
// There are two ways to play. The simulation (TestSimulation) lives seeded lives in one goroutine, without NATS: what is
// decided, owed, done and inspected is the program's own, and the books of its machinery are kept here, so that the seed
// alone says what happens next, and a life that ends badly can be lived again. The rig runs the real machinery on a real
// NATS server, and plays transcripts (testdata), races and what is done by hand.
//
// Begin with life in simulation_life_test.go and rig in rig_test.go. A life is one goroutine's; many lives run at once. A
// restart, a lost report or a slow call in the middle of a life is what it checks: at its end everything rests, nothing is
// left in the cloud, and the live state is what the log says.
package sim
