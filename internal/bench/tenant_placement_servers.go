package bench

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/spf13/pflag"

	"github.com/aeriehq/aerie/internal/server"
)

// The most servers that place tenants side by side, and how long their NATS server may take to start.
const (
	mostServers = 8
	natsIsUpIn  = 30 * time.Second
)

func placementFlags(b *bench, f *pflag.FlagSet) {
	f.IntVar(&b.servers, "servers", 1, "how many servers of aerie place them, on one NATS server beside them; 1: a server with its own inside")
}

// placers are the servers that place tenants, on one log.
type placers struct {
	all  []*server.Control
	nats *natsserver.Server // nil: the only one has its own inside
}

// startPlacers starts as many servers as were asked for. The first works in a simulated cloud in which nothing is done before the
// benchmark is over; the others work in none.
func (b *bench) startPlacers() (p *placers, err error) {
	p = &placers{}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close())
		}
	}()
	if b.servers == 1 {
		c, err := b.startAt(1)
		if err != nil {
			return p, err
		}
		p.all = append(p.all, c)
		return p, nil
	}
	p.nats, err = natsserver.NewServer(&natsserver.Options{ServerName: "bench", Host: "127.0.0.1", Port: natsserver.RANDOM_PORT,
		NoSigs: true, NoLog: true, JetStream: true, StoreDir: filepath.Join(b.dir, "nats"), SyncAlways: true})
	if err != nil {
		return p, fmt.Errorf("make a NATS server: %w", err)
	}
	p.nats.Start()
	if !p.nats.ReadyForConnections(natsIsUpIn) {
		return p, fmt.Errorf("the NATS server does not take connections within %s", natsIsUpIn)
	}
	for i := range b.servers {
		c, err := server.Start(server.Settings{DataDir: filepath.Join(b.dir, fmt.Sprint("server", i+1)), HTTP: "127.0.0.1:0",
			NATSURL: p.nats.ClientURL(), SimSpeed: 1, NoSim: i > 0})
		if err != nil {
			return p, server.NotStarted(err)
		}
		p.all = append(p.all, c)
	}
	return p, nil
}

// close ends the servers, and then what they stand on.
func (p *placers) close() (err error) {
	for _, c := range p.all {
		err = errors.Join(err, c.Close())
	}
	if p.nats != nil {
		p.nats.Shutdown()
		p.nats.WaitForShutdown()
	}
	return err
}
