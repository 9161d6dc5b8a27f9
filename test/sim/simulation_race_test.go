//go:build race

package sim

// The race detector makes a life ten times as long and finds nothing in
// one goroutine.
func init() { livesInATest = 50 }
