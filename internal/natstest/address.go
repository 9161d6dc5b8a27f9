package natstest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
)

// Systems give outgoing connections ports from 32768 on (Linux) or higher: whoever is
// killed and comes back where it was must not find its port taken by one of them.
const (
	lowest  = 20000
	highest = 32000
)

var (
	givenLock sync.Mutex
	given     = map[int]bool{} // the ports this process has given away
)

// Address is a loopback address to serve on, now and again after a kill: nobody served
// there a moment ago, and nobody else in this process is given it.
func Address(t testing.TB) string {
	t.Helper()
	return fmt.Sprintf("127.0.0.1:%d", port(t))
}

func port(t testing.TB) int {
	t.Helper()
	givenLock.Lock()
	defer givenLock.Unlock()
	for range highest - lowest {
		p := lowest + rand.IntN(highest-lowest)
		if given[p] {
			continue
		}
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", p))
		if err != nil {
			continue
		}
		_ = l.Close()
		given[p] = true
		return p
	}
	t.Fatal("no port is free")
	return 0
}
