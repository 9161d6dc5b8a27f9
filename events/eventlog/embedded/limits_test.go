package embedded

import (
	"fmt"
	"testing"
)

// BenchmarkAccountsOfAgents makes the accounts of many customers' agents, one after the other. Its yardstick is nats-server that makes as
// many accounts and binds nothing: what each costs must not grow with how many there are.
func BenchmarkAccountsOfAgents(b *testing.B) {
	for _, n := range []int{1_000, 5_000} {
		b.Run(fmt.Sprintf("aerie/%d", n), func(b *testing.B) {
			for b.Loop() {
				s := started(b)
				for i := range n {
					if _, err := s.auth.accountOfAgents(fmt.Sprint("c", i)); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*n), "us/account")
		})
		b.Run(fmt.Sprintf("yardstick/%d", n), func(b *testing.B) {
			for b.Loop() {
				s := started(b)
				for i := range n {
					if _, isNew := s.srv.LookupOrRegisterAccount(fmt.Sprint("c", i)); !isNew {
						b.Fatal("it was there")
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*n), "us/account")
		})
	}
}

// TestAnAccountImportsItsOwnAlone: what nats-server has an account import besides, nobody in it may ask, and each takes memory and a
// subscription in each customer's account.
func TestAnAccountImportsItsOwnAlone(t *testing.T) {
	s := started(t)
	acc, err := s.auth.accountOfAgents("acme")
	if err != nil {
		t.Fatal(err)
	}
	if n := acc.NumServiceImports(); n != 2 { // what is asked, and reports
		t.Errorf("it imports %d services", n)
	}
	if n := acc.MaxActiveConnections(); n != mostOfAgents {
		t.Errorf("it may have %d connections", n)
	}
}

func started(tb testing.TB) *Server {
	s, err := Start(Options{Dir: tb.TempDir()})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(s.Shutdown)
	return s
}
