package extra_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// The addresses of the networks: the customer's, where the machine of its agent is, and the one between that and the provider's.
const (
	agentAddress    = "10.61.0.2"
	insideAddress   = "10.61.0.1" // of the router, towards the customer
	outsideAddress  = "198.51.100.1"
	providerAddress = "198.51.100.2"
	proxyPort       = "3128"
	serverName      = "aerie.example.com"
)

// networks are three: a provider's, a customer's, and a router between them that translates addresses.
type networks struct {
	t                          *testing.T
	provider, router, customer string
}

// newNetworks makes them. Nobody gets from the provider's into the customer's; out of it by the router's own address, or with
// proxyOnly by nothing but a port of the router.
func newNetworks(t *testing.T, proxyOnly bool) *networks {
	t.Helper()
	tool(t, "nft")
	tool(t, "ip")
	if os.Getuid() != 0 {
		t.Skip("run as root: only root makes networks")
	}
	if out, err := exec.Command("ip", "netns", "list").CombinedOutput(); err != nil {
		t.Fatalf("list networks: %v: %s", err, out)
	}
	id := fmt.Sprint("aerie", os.Getpid()%10000, map[bool]string{true: "p"}[proxyOnly])
	n := &networks{t, id + "-prov", id + "-rout", id + "-cust"}
	for _, name := range []string{n.provider, n.router, n.customer} {
		n.ip("netns", "add", name)
		t.Cleanup(func() { _ = exec.Command("ip", "netns", "delete", name).Run() })
		n.ip("-n", name, "link", "set", "lo", "up")
		hosts := filepath.Join("/etc/netns", name) // ip shows it as /etc to what it starts there
		if err := os.MkdirAll(hosts, 0o755); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.RemoveAll(hosts) })
		known := "127.0.0.1 localhost\n"
		if !proxyOnly || name != n.customer { // a proxy finds names by itself
			known += providerAddress + " " + serverName + "\n"
		}
		if err := os.WriteFile(filepath.Join(hosts, "hosts"), []byte(known), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	n.join(n.router, "in0", insideAddress, n.customer, "out0", agentAddress)
	n.join(n.router, "out0", outsideAddress, n.provider, "in0", providerAddress)
	n.ip("-n", n.customer, "route", "add", "default", "via", insideAddress)
	run(t, "", "ip", "netns", "exec", n.router, "sysctl", "-qw", "net.ipv4.ip_forward=1")
	way := `iifname "in0" oifname "out0" accept`
	if proxyOnly {
		way = ""
	}
	run(t, fmt.Sprintf(`table ip nat {
	chain post {
		type nat hook postrouting priority 100; policy accept;
		oifname "out0" masquerade
	}
}
table ip filter {
	chain forward {
		type filter hook forward priority 0; policy drop;
		ct state established,related accept
		%s
	}
	chain input {
		type filter hook input priority 0; policy accept;
		iifname "out0" ct state new drop
	}
}
`, way), "ip", "netns", "exec", n.router, "nft", "-f", "-")
	if t.Failed() {
		t.FailNow()
	}
	return n
}

func (n *networks) ip(args ...string) {
	n.t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		n.t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

// join makes a cable between two networks.
func (n *networks) join(one, oneEnd, oneAddress, other, otherEnd, otherAddress string) {
	n.t.Helper()
	n.ip("-n", one, "link", "add", oneEnd, "type", "veth", "peer", "name", otherEnd, "netns", other)
	for _, end := range [][3]string{{one, oneEnd, oneAddress}, {other, otherEnd, otherAddress}} {
		n.ip("-n", end[0], "address", "add", end[2]+"/24", "dev", end[1])
		n.ip("-n", end[0], "link", "set", end[1], "up")
	}
}

// in makes a command that runs in one of the networks.
func (n *networks) in(network string, args ...string) *exec.Cmd {
	return exec.CommandContext(n.t.Context(), "ip", append([]string{"netns", "exec", network}, args...)...)
}

// start starts a command that runs until the test ends; the function tells what it has said.
func (n *networks) start(cmd *exec.Cmd) (says func() string, ended <-chan error) {
	n.t.Helper()
	var said guarded
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait(); close(done) }()
	n.t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		for range done { // until it has ended
			continue
		}
	})
	return said.String, done
}

// guarded is what a program says.
type guarded struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (g *guarded) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.text.Write(p)
}

func (g *guarded) String() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.text.String()
}

// walled is a control plane in the provider's network.
type walled struct {
	*networks
	dir  string
	says func() string
}

// aerie is the program that make build has made.
func aerie(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../../bin/aerie")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func (n *networks) serve() *walled {
	n.t.Helper()
	w := &walled{networks: n, dir: filepath.Join(n.t.TempDir(), "data")}
	w.says, _ = n.start(n.in(n.provider, aerie(n.t), "server", "--data-dir", w.dir, "--http", "127.0.0.1:9460", "--sim-speed", "600",
		"--nats", providerAddress+":4222", "--nats-ws", providerAddress+":443", "--tls-names", serverName))
	w.until("the server is ready", func() bool { _, err := w.cli("get", "customers"); return err == nil })
	return w
}

// cli runs a command beside the server.
func (w *walled) cli(args ...string) (string, error) {
	cmd := w.in(w.provider, append([]string{aerie(w.t)}, args...)...)
	cmd.Env = append(os.Environ(), "AERIE_DATA_DIR="+w.dir, "AERIE_API_URL=https://127.0.0.1:9460", "AERIE_NATS_URL=tls://"+serverName+":4222")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (w *walled) must(args ...string) string {
	w.t.Helper()
	out, err := w.cli(args...)
	if err != nil {
		w.t.Fatalf("aerie %s: %v: %s\nthe server: %s", strings.Join(args, " "), err, out, w.says())
	}
	return out
}

func (n *networks) until(what string, so func() bool) {
	n.t.Helper()
	for end := time.Now().Add(2 * time.Minute); !so(); {
		if time.Now().After(end) {
			n.t.Fatalf("not so within two minutes: %s", what)
		}
		time.Sleep(200 * time.Millisecond) // another program is waited for, which says nothing
	}
}

// agent starts one on the customer's machine, as its unit does. It may be told of a proxy.
func (w *walled) agent(url string, env ...string) (says func() string, ended <-chan error) {
	w.t.Helper()
	var invited struct{ Token string }
	if err := json.Unmarshal([]byte(w.must("agent", "invite", "larch/edge", "--dataplane", "edge", "--url", url, "-o", "json")), &invited); err != nil {
		w.t.Fatal(err)
	}
	cmd := w.in(w.customer, aerie(w.t), "agent", "run")
	cmd.Env = append(os.Environ(), append(env, "AERIE_JOIN="+invited.Token, "AERIE_DATA_DIR="+filepath.Join(w.t.TempDir(), "agent"))...)
	return w.start(cmd)
}

// TestAnAgentBehindNAT: a customer's account, empty at first, is worked in by an agent on a machine that gets out through a router
// that translates addresses, by WebSocket. All of the offer becomes Active, its tenant moves to larger machines and back, sleeps and wakes, and all goes again. On
// the way nobody dials in, and nothing but the name of the control plane can be read.
func TestAnAgentBehindNAT(t *testing.T) {
	w := newNetworks(t, false).serve()
	seen := w.capture(w.router, "out0")
	w.must("apply", "-f", "../../deploy/offers/byoc")
	says, _ := w.agent("wss://" + serverName + ":443")
	if out, err := w.cli("apply", "-f", "../../deploy/offers/byoc", "--wait", "--timeout", "3m"); err != nil {
		t.Fatalf("apply: %v: %s\nthe agent: %s\nthe server: %s", err, out, says(), w.says())
	}
	for _, plan := range []string{"byoc-large", "byoc"} {
		w.must("tenant", "move", "larch/prod", "--plan", plan, "--wait", "--timeout", "2m")
	}
	w.must("tenant", "suspend", "larch/prod", "--wait", "--timeout", "2m")
	w.must("tenant", "resume", "larch/prod", "--wait", "--timeout", "2m")
	w.must("customer", "delete", "larch", "--cascade", "--wait", "--timeout", "3m")
	if out := w.must("orphans"); strings.Contains(out, "larch/") {
		t.Errorf("left: %s", out)
	}
	seen.judge(t, true)
	if t.Failed() {
		t.Log(says())
	}
}

// TestAnAgentBehindAProxy: out of a network from which nothing but a proxy is reached an agent comes by CONNECT, to the port of TLS and
// to that of WebSocket. A proxy that ends TLS gets no secret, and the agent says plainly what is wrong.
func TestAnAgentBehindAProxy(t *testing.T) {
	w := newNetworks(t, true).serve()
	w.must("apply", "-f", "../../deploy/offers/byoc")
	helper := func(env ...string) {
		t.Helper()
		cmd := w.in(w.router, os.Args[0])
		cmd.Env = append(os.Environ(), env...)
		w.start(cmd)
	}
	helper(asProxy + "=" + insideAddress + ":" + proxyPort)
	helper(asProxy+"="+insideAddress+":3129", asBreaker+"=1")
	seen := w.capture(w.router, "out0")
	direct, _ := w.agent("tls://" + serverName + ":4222")
	w.until("without the proxy it does not get out", func() bool { return strings.Contains(direct(), "again") })
	broken, ended := w.agent("tls://"+serverName+":4222", "AERIE_PROXY=http://"+insideAddress+":3129")
	if <-ended; !strings.Contains(broken(), "ends TLS") {
		t.Errorf("of a proxy that ends TLS it says: %s", broken())
	}
	for _, url := range []string{"tls://" + serverName + ":4222", "wss://" + serverName + ":443"} {
		says, _ := w.agent(url, "AERIE_PROXY=http://"+insideAddress+":"+proxyPort)
		w.until(url+" through the proxy", func() bool { return strings.Contains(w.must("get", "agents"), "Connected") })
		w.must("agent", "revoke", "larch/edge")
		w.until(url+" is cut off", func() bool { return strings.Contains(says(), "not let in") })
	}
	seen.judge(t, true)
}

// captured is what went over a cable.
type captured struct {
	frames func() []byte
}

// capture keeps all that goes over an end of a cable from now on.
func (n *networks) capture(network, end string) *captured {
	n.t.Helper()
	file := filepath.Join(n.t.TempDir(), "frames")
	cmd := n.in(network, os.Args[0])
	cmd.Env = append(os.Environ(), asCapture+"="+end, captureFile+"="+file)
	says, _ := n.start(cmd)
	n.until("it is listened to "+end, func() bool { return strings.Contains(says(), "listening") })
	return &captured{frames: func() []byte {
		data, err := os.ReadFile(file)
		if err != nil {
			n.t.Fatal(err)
		}
		return data
	}}
}

// judge reads what was captured.
func (c *captured) judge(t *testing.T, named bool) {
	t.Helper()
	from, words := map[string]int{}, map[string]bool{}
	text := c.frames()
	for rest := text; len(rest) >= 4; {
		size := int(binary.BigEndian.Uint32(rest))
		if len(rest) < 4+size {
			break // the last is written still
		}
		frame := rest[4 : 4+size]
		rest = rest[4+size:]
		if len(frame) < 14+20+20 || binary.BigEndian.Uint16(frame[12:]) != 0x0800 || frame[14+9] != 6 { // IPv4, TCP
			continue
		}
		ip := frame[14:]
		tcp := ip[int(ip[0]&15)*4:]
		if tcp[13]&0x12 == 0x02 { // SYN, and no ACK
			from[net.IP(ip[12:16]).String()]++
		}
		for _, word := range []string{"INFO {", "CONNECT {", "PING\r\n", "aerie.agent", "aerie.report", "larch", "_INBOX", serverName} {
			if bytes.Contains(tcp, []byte(word)) {
				words[word] = true
			}
		}
	}
	if from[outsideAddress] == 0 || len(from) != 1 {
		t.Errorf("connections were begun from %v, want %s alone", from, outsideAddress)
	}
	if named != words[serverName] {
		t.Errorf("the name of the control plane was read: %v", words[serverName])
	}
	delete(words, serverName)
	if len(words) > 0 {
		t.Errorf("read on the way: %v", words)
	}
}
