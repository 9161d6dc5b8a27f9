package cli

import (
	"cmp"
	"fmt"
	"log/slog"
	"math"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/internal/client"
	"github.com/aeriehq/aerie/internal/coredump"
	"github.com/aeriehq/aerie/internal/server"
	"github.com/aeriehq/aerie/projections/identity"
)

// newServerCommand is `aerie server`: everything in one process.
func newServerCommand() *cobra.Command {
	limit, budget := fsm.DefaultProvisionLimit, identity.DefaultBudget
	s := server.Settings{Provision: &limit, Budget: &budget}
	logs := logSettings{}
	cmd := &cobra.Command{
		Use:   "server",
		Short: "Run the control plane: embedded NATS, simulated cloud, workers, views and HTTP",
		Long: "Run the control plane in one process: an embedded NATS server with JetStream, the workers, the views\n" +
			"and the HTTP that serves them, and a simulated cloud. It serves until Ctrl-C. What it keeps is in the\n" +
			"data directory; the first start writes the admin token there.\n\n" +
			"With --nats-url it uses NATS servers of yours, and several may run side by side on them, each with a data\n" +
			"directory and an HTTP address of its own.\n\n" +
			"Each flag is also a variable: AERIE_HTTP is --http. AERIE_NATS_URL is left aside where it says how clients\n" +
			"find this very server: with --nats, or if it is the address that the embedded NATS server listens on.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			leave := map[string]bool{"nats-url": ofClient(cmd.Flags())}
			if err := fromEnvironment(cmd.Flags(), leave); err != nil {
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
			if s.NATSURL != "" && s.NATSWS != "" {
				return client.Invalid("--nats-ws", "it is for the embedded server, and --nats-url uses another")
			}
			if s.NATSURL == "" && s.CalloutKey != "" {
				return client.Invalid("--nats-callout-key", "it is for NATS servers of yours: give --nats-url too")
			}
			if s.NoSim && (s.CloudDir != "" || len(s.SimKubeconfigs) > 0) {
				return client.Invalid("--no-sim", "there is then no simulated cloud to give a directory or a cluster")
			}
			if err := checkTLS(s.TLS); err != nil {
				return err
			}
			if err := logs.install(); err != nil {
				return err
			}
			forbidDumps()
			return server.Serve(cmd.Context(), s)
		},
	}
	f := cmd.Flags()
	f.StringVar(&s.DataDir, "data-dir", "", "where everything is kept (default $XDG_STATE_HOME/aerie, else ~/.local/state/aerie)")
	f.StringVar(&s.HTTP, "http", listenHTTP, "address to serve HTTP on")
	f.StringVar(&s.NATS, "nats", listenNATS, "address the embedded NATS server listens on")
	f.StringVar(&s.NATSWS, "nats-ws", "", "address on which the embedded NATS server also listens for WebSocket: wss:// where it has a certificate, ws:// where not")
	f.StringVar(&s.NATSURL, "nats-url", "", "NATS servers to use instead of the embedded one, such as nats://a:4222,nats://b:4222")
	f.StringVar(&s.CalloutKey, "nats-callout-key", "", "file with the key of aerie auth nats-config: those servers ask aerie who comes in, and tokens work there too")
	s.Access.Flags(f, func(string) string { return "" })
	f.StringVar(&s.TLS.Cert, "tls-cert", "", "file with the certificate, and its chain, that HTTP and the embedded NATS show; read again when it changes")
	f.StringVar(&s.TLS.Key, "tls-key", "", "file with the key of --tls-cert")
	f.StringSliceVar(&s.TLS.Names, "tls-names", nil, "instead of files: names and addresses for a certificate of aerie's own CA, <data-dir>/tls/ca.pem")
	f.BoolVar(&s.TLS.InsecureHTTP, "insecure-http", false, "serve HTTP in clear, also beyond this machine: something before it ends TLS")
	f.BoolVar(&s.TLS.InsecureNATS, "insecure-nats", false, "and so NATS")
	f.StringVar(&s.OIDC, "oidc", "", "file with the issuers of OpenID Connect whose people and machines are let in, and with which roles")
	f.StringSliceVar(&s.Proxies, "trusted-proxies", nil, "networks of proxies, such as 10.0.0.0/8, that are believed when X-Forwarded-For says whose request they pass on")
	f.BoolVar(&s.OpenMetrics, "open-metrics", false, "serve /metrics without a token too: it tells how many there are of each kind, and names accounts")
	f.StringVar(&s.Monitor, "nats-monitor", "", "HTTP monitoring addresses of those servers, such as http://a:8222,http://b:8222: a server that does not sync is refused")
	f.StringVar(&s.CloudDir, "cloud-dir", "", "where the simulated cloud lives (default <data-dir>/cloud; with --nats-url there is none, unless all replicas name the same)")
	f.BoolVar(&s.NoSim, "no-sim", false, "have no simulated cloud: every account is real")
	f.Float64Var(&s.SimSpeed, "sim-speed", 1, "speed of the simulated cloud: 1 is lifelike, 60 a minute a second, 0 at once")
	f.StringSliceVar(&s.SimKubeconfigs, "sim-kubeconfig", nil, "a kubeconfig: the cluster behind the one dataplane of the simulated cloud, or REGION=FILE behind that of a region (default: clusters that only store)")
	f.Var((*provisionLimit)(&limit), "provision-limit", "most dataplanes that are made for plans: alive at once, and begun within an hour")
	f.Var((*callerBudget)(&budget), "budget", "what each caller of a customer may ask: requests a second, MiB a second, and streams of events at once; all of a customer four times that, each of the staff twenty times")
	f.StringVar(&s.SecretStores, "secret-stores", "", "file that names the stores of secrets that specs may refer to, and whom each serves")
	f.StringVar(&s.SealKeyFile, "seal-key-file", "", "file with the keys that seal the installation's own, the newest first: each line 32 bytes in base64, or the ARN of a key of AWS KMS; AERIE_SEAL_KEY may have them instead")
	logs.flags(f)
	return cmd
}

// forbidDumps keeps secrets out of core dumps. Where that can't be done, they are as safe as what is there says.
func forbidDumps() {
	if err := coredump.Forbid(); err != nil {
		slog.Warn("a crash may write down what is in memory", "err", err)
	}
}

// callerBudget reads a budget such as 500/16/50.
type callerBudget identity.Budget

// String writes it as it is read.
func (b *callerBudget) String() string {
	return fmt.Sprintf("%d/%d/%d", b.Requests, b.Bytes>>20, b.Tails)
}

// Type names the value in the help.
func (b *callerBudget) Type() string { return "requests/MiB/tails" }

// Set reads it.
func (b *callerBudget) Set(text string) error {
	var of [3]int
	parts := strings.Split(text, "/")
	bad := len(parts) != len(of)
	for i := 0; i < len(of) && !bad; i++ {
		n, err := strconv.Atoi(parts[i])
		of[i], bad = n, err != nil || n < 1 || n > 1<<20
	}
	if bad {
		return fmt.Errorf("%q: want three whole numbers such as 500/16/50: requests a second, MiB a second, streams of events at once", ev.Truncate(text))
	}
	b.Requests, b.Bytes, b.Tails = of[0], of[1]<<20, of[2]
	return nil
}

// provisionLimit reads a limit such as 20/10; 20 alone leaves the other number as it is.
type provisionLimit fsm.ProvisionLimit

// String writes it as it is read.
func (l *provisionLimit) String() string { return fmt.Sprintf("%d/%d", l.Alive, l.Hourly) }

// Type names the value in the help.
func (l *provisionLimit) Type() string { return "alive/hourly" }

// Set reads it.
func (l *provisionLimit) Set(text string) error {
	alive, hourly, both := strings.Cut(text, "/")
	n, err := strconv.Atoi(alive)
	m := l.Hourly
	if both && err == nil {
		m, err = strconv.Atoi(hourly)
	}
	if err != nil || n < 0 || m < 0 {
		return fmt.Errorf("%q: want two whole numbers such as 20/10: alive at once, and begun within an hour", ev.Truncate(text))
	}
	l.Alive, l.Hourly = n, m
	return nil
}

// checkTLS refuses settings that say two things, or half of one.
func checkTLS(t server.TLS) error {
	if (t.Cert == "") != (t.Key == "") {
		return client.Invalid("--tls-cert", "a certificate and its key go together: give --tls-cert and --tls-key")
	}
	if t.Cert != "" && len(t.Names) > 0 {
		return client.Invalid("--tls-names", "it has a certificate made, and --tls-cert gives one: give one of them")
	}
	return nil
}

// maxSpeed is more than anybody's patience needs: a second is eleven days.
const maxSpeed = 1e6

// The addresses that server and CLI agree on when nobody says anything.
const (
	listenHTTP = "127.0.0.1:8080"
	listenNATS = "127.0.0.1:4222"
)

// ofClient tells whether AERIE_NATS_URL was set for clients of this server: it names the address that the embedded NATS
// server will have, or --nats asks for that server.
func ofClient(flags *pflag.FlagSet) bool {
	if flags.Changed("nats") {
		return true
	}
	listen := cmp.Or(os.Getenv("AERIE_NATS"), listenNATS)
	return sameAddress(os.Getenv("AERIE_NATS_URL"), listen)
}

// sameAddress tells whether a NATS address leads to where a server listens.
func sameAddress(natsURL, listen string) bool {
	if _, address, has := strings.Cut(natsURL, "://"); has {
		natsURL = address
	}
	if _, address, has := strings.Cut(natsURL, "@"); has {
		natsURL = address
	}
	host, port, err := net.SplitHostPort(strings.TrimSuffix(natsURL, "/"))
	if err != nil {
		host, port = strings.TrimSuffix(natsURL, "/"), "4222"
	}
	own, ownPort, err := net.SplitHostPort(listen)
	if err != nil || port != ownPort {
		return false
	}
	return host == own || server.IsLoopback(host) && (server.IsLoopback(own) || own == "" || net.ParseIP(own).IsUnspecified())
}

// fromEnvironment sets each flag that was not given from AERIE_<FLAG>, but for those to leave.
func fromEnvironment(flags *pflag.FlagSet, leave map[string]bool) error {
	var faults []ev.FieldError
	flags.VisitAll(func(f *pflag.Flag) {
		name := "AERIE_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		if v, ok := os.LookupEnv(name); ok && !f.Changed && !leave[f.Name] {
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
