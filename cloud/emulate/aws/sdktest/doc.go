// Package sdktest drives the emulated AWS with the real SDK's clients over TLS, in tests alone. It is apart from what it
// tests because of what the SDK costs to build: the fuzz tests there need none of it.
package sdktest
