package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	ev "github.com/aeriehq/aerie/events"
)

// settings are what `aerie server` can be told.
type settings struct {
	DataDir  string
	HTTP     string // the address to serve HTTP on
	NATS     string // the embedded server's listener
	NATSURL  string // NATS servers that somebody else runs, instead of the embedded one
	Access   natsAccess
	Monitor  string // HTTP monitoring addresses of those servers
	CloudDir string // where the simulated cloud lives
	NoSim    bool   // there is no simulated cloud: accounts are real
	SimSpeed float64
	// SimKubeconfig names the cluster behind the simulated ones; empty: each only stores.
	SimKubeconfig string
}

// newServerCommand is `aerie server`: everything in one process.
func newServerCommand() *cobra.Command {
	s := settings{}
	logs := logSettings{}
	cmd := &cobra.Command{
		Use:   "server",
		Short: "Run the control plane: embedded NATS, simulated cloud, workers, views and HTTP",
		Long: "Run the control plane in one process: an embedded NATS server with JetStream, the workers, the views\n" +
			"and the HTTP that serves them, and a simulated cloud. It serves until Ctrl-C. What it keeps is in the\n" +
			"data directory; the first start writes the admin token there.\n\n" +
			"With --nats-url it uses NATS servers of yours, and several may run side by side on them, each with a data\n" +
			"directory and an HTTP address of its own.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := fromEnvironment(cmd.Flags()); err != nil {
				return err
			}
			if s.DataDir == "" {
				s.DataDir = defaultDataDir()
			}
			if s.SimSpeed < 0 || s.SimSpeed > maxSpeed || math.IsNaN(s.SimSpeed) {
				return invalid("--sim-speed", "%v: want 0 (at once) to %v", s.SimSpeed, maxSpeed)
			}
			if s.NATSURL != "" && cmd.Flags().Changed("nats") {
				return invalid("--nats", "it is for the embedded server, and --nats-url uses another: give one of them")
			}
			if s.NoSim && s.CloudDir+s.SimKubeconfig != "" {
				return invalid("--no-sim", "there is then no simulated cloud to give a directory or a cluster")
			}
			if err := logs.install(); err != nil {
				return err
			}
			return serve(cmd.Context(), s)
		},
	}
	f := cmd.Flags()
	f.StringVar(&s.DataDir, "data-dir", "", "where everything is kept (default $XDG_STATE_HOME/aerie, else ~/.local/state/aerie)")
	f.StringVar(&s.HTTP, "http", listenHTTP, "address to serve HTTP on")
	f.StringVar(&s.NATS, "nats", listenNATS, "address the embedded NATS server listens on")
	f.StringVar(&s.NATSURL, "nats-url", "", "NATS servers to use instead of the embedded one, such as nats://a:4222,nats://b:4222")
	s.Access.flags(f, func(string) string { return "" })
	f.StringVar(&s.Monitor, "nats-monitor", "", "HTTP monitoring addresses of those servers, such as http://a:8222,http://b:8222: a server that does not sync is refused")
	f.StringVar(&s.CloudDir, "cloud-dir", "", "where the simulated cloud lives (default <data-dir>/cloud; with --nats-url there is none, unless all replicas name the same)")
	f.BoolVar(&s.NoSim, "no-sim", false, "have no simulated cloud: every account is real")
	f.Float64Var(&s.SimSpeed, "sim-speed", 1, "speed of the simulated cloud: 1 is lifelike, 60 a minute a second, 0 at once")
	f.StringVar(&s.SimKubeconfig, "sim-kubeconfig", "", "a kubeconfig: the cluster behind the one dataplane of the simulated cloud (default: clusters that only store)")
	logs.flags(f)
	return cmd
}

// maxSpeed is more than anybody's patience needs: a second is eleven days.
const maxSpeed = 1e6

// The addresses that server and CLI agree on when nobody says anything.
const (
	listenHTTP = "127.0.0.1:8080"
	listenNATS = "127.0.0.1:4222"
)

// fromEnvironment sets each flag that was not given from AERIE_<FLAG>.
func fromEnvironment(flags *pflag.FlagSet) error {
	var faults []ev.Fault
	flags.VisitAll(func(f *pflag.Flag) {
		name := "AERIE_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		if v, ok := os.LookupEnv(name); ok && !f.Changed {
			if err := f.Value.Set(v); err != nil {
				faults = append(faults, ev.Fault{Field: name, Message: err.Error()})
			}
		}
	})
	return ev.RefuseFaults("environment", faults)
}

// serve runs the control plane until ctx ends, which Ctrl-C does, or a part of it fails.
func serve(ctx context.Context, s settings) error {
	c, err := startControl(s)
	if err != nil {
		return notStarted(err)
	}
	slog.Info("aerie serves", "http", c.APIURL(), "nats", c.NATSURL(), "data", s.DataDir, "log", c.kept, "nats-server", c.opened)
	err = c.Wait(ctx)
	slog.Info("aerie stops")
	return errors.Join(err, c.Close())
}

// notStarted says why there is no server: a taken port or a damaged store is the
// operator's to mend, not a fault of the program.
func notStarted(err error) error {
	return &failure{code: string(ev.Unavailable), message: err.Error(), exit: exitTrouble}
}

// tokenFile is the admin token's file in the data directory.
const tokenFile = "token"

// tokenLength is the least length of a token: that of those that are made here, 128 bits.
const tokenLength = 26

// adminToken reads the admin token, and makes it at the first start. It is
// written aside and renamed, so that a kill leaves a whole one or none.
func adminToken(dir string) (string, error) {
	path := filepath.Join(dir, tokenFile)
	data, err := os.ReadFile(path)
	held := strings.TrimSpace(string(data))
	if err == nil && len(held) >= tokenLength {
		return held, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read the admin token: %w: make it readable for this user", err)
	}
	if err == nil {
		return "", fmt.Errorf("read the admin token: %s holds a token of %d characters, which can be guessed: want %d or more: remove the file to have a new one made", path, len(held), tokenLength)
	}
	token := rand.Text()
	if err := os.WriteFile(path+".new", []byte(token+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("write the admin token: %w: make the data directory writable", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return "", fmt.Errorf("write the admin token: %w", err)
	}
	return token, nil
}

// logSettings say how the program logs.
type logSettings struct{ format, level string }

func (l *logSettings) flags(f *pflag.FlagSet) {
	f.StringVar(&l.format, "log-format", "text", "format of the log on stderr: text or json")
	f.StringVar(&l.level, "log-level", "info", "least level logged: debug, info, warn or error")
}

// install makes the logger that the whole process uses.
func (l *logSettings) install() error {
	var level slog.Level
	if err := level.UnmarshalText([]byte(l.level)); err != nil {
		return ev.RefuseFaults("server", []ev.Fault{{Field: "--log-level", Message: fmt.Sprintf("%q%s", ev.Clip(l.level), ev.Nearest(l.level, []string{"debug", "info", "warn", "error"}))}})
	}
	options := &slog.HandlerOptions{Level: level}
	switch l.format {
	case "text":
		slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, options)))
	case "json":
		slog.SetDefault(slog.New(slog.NewJSONHandler(os.Stderr, options)))
	default:
		return ev.RefuseFaults("server", []ev.Fault{{Field: "--log-format", Message: fmt.Sprintf("%q%s", ev.Clip(l.format), ev.Nearest(l.format, []string{"text", "json"}))}})
	}
	return nil
}
