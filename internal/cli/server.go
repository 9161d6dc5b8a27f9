package cli

import (
	"fmt"
	"log/slog"
	"math"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/client"
	"github.com/aeriehq/aerie/internal/server"
)

// newServerCommand is `aerie server`: everything in one process.
func newServerCommand() *cobra.Command {
	s := server.Settings{}
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
				s.DataDir = client.DefaultDataDir()
			}
			if s.SimSpeed < 0 || s.SimSpeed > maxSpeed || math.IsNaN(s.SimSpeed) {
				return client.Invalid("--sim-speed", "%v: want 0 (at once) to %v", s.SimSpeed, maxSpeed)
			}
			if s.NATSURL != "" && cmd.Flags().Changed("nats") {
				return client.Invalid("--nats", "it is for the embedded server, and --nats-url uses another: give one of them")
			}
			if s.NoSim && s.CloudDir+s.SimKubeconfig != "" {
				return client.Invalid("--no-sim", "there is then no simulated cloud to give a directory or a cluster")
			}
			if err := logs.install(); err != nil {
				return err
			}
			return server.Serve(cmd.Context(), s)
		},
	}
	f := cmd.Flags()
	f.StringVar(&s.DataDir, "data-dir", "", "where everything is kept (default $XDG_STATE_HOME/aerie, else ~/.local/state/aerie)")
	f.StringVar(&s.HTTP, "http", listenHTTP, "address to serve HTTP on")
	f.StringVar(&s.NATS, "nats", listenNATS, "address the embedded NATS server listens on")
	f.StringVar(&s.NATSURL, "nats-url", "", "NATS servers to use instead of the embedded one, such as nats://a:4222,nats://b:4222")
	s.Access.Flags(f, func(string) string { return "" })
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
	var faults []ev.FieldError
	flags.VisitAll(func(f *pflag.Flag) {
		name := "AERIE_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		if v, ok := os.LookupEnv(name); ok && !f.Changed {
			if err := f.Value.Set(v); err != nil {
				faults = append(faults, ev.FieldError{Field: name, Message: err.Error()})
			}
		}
	})
	return ev.RefuseFaults("environment", faults)
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
		return ev.RefuseFaults("server", []ev.FieldError{{Field: "--log-level", Message: fmt.Sprintf("%q%s", ev.Truncate(l.level), ev.Suggest(l.level, []string{"debug", "info", "warn", "error"}))}})
	}
	options := &slog.HandlerOptions{Level: level}
	switch l.format {
	case "text":
		slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, options)))
	case "json":
		slog.SetDefault(slog.New(slog.NewJSONHandler(os.Stderr, options)))
	default:
		return ev.RefuseFaults("server", []ev.FieldError{{Field: "--log-format", Message: fmt.Sprintf("%q%s", ev.Truncate(l.format), ev.Suggest(l.format, []string{"text", "json"}))}})
	}
	return nil
}
