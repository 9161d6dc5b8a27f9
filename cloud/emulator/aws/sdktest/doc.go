// Package sdktest drives the emulated AWS with the real SDK's clients over TLS, in tests alone. It is
// apart from what it tests because of what the SDK costs to build: the fuzz tests there need none of
// it.
//
// It has no code but tests. Begin with rig_test.go, which starts an emulated cloud, and happy_test.go,
// which takes a cluster from its network to its end. Each test has a cloud of its own in a directory
// of its own, so tests may run at once and nothing outlives them.
package sdktest
