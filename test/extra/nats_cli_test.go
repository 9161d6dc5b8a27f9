package extra_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

// natsCLI runs the nats CLI as a person with the admin token has it, and returns what it prints.
func natsCLI(t *testing.T, server string, args ...string) string {
	t.Helper()
	out, err := natsCommand(t.Context(), t, server, args...).CombinedOutput()
	if err != nil {
		t.Errorf("nats %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func natsCommand(ctx context.Context, t *testing.T, server string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(ctx, tool(t, "nats"), append([]string{"--server", server, "--timeout", "10s"}, args...)...)
	cmd.Env = []string{"HOME=" + t.TempDir(), "PATH=/usr/bin:/bin"}
	return cmd
}

// TestTheStockNATSCLI does with it what people do with NATS: asks, listens, reads the log and the figures of the micro services.
func TestTheStockNATSCLI(t *testing.T) {
	tool(t, "nats")
	c := started(t)
	server := strings.Replace(c.NATSURL(), "nats://", "nats://"+c.Token+"@", 1)

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tail := natsCommand(ctx, t, server, "sub", "aerie.evt.>", "--count", "1")
	printed, err := tail.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	tail.Stderr = tail.Stdout
	if err := tail.Start(); err != nil {
		t.Fatal(err)
	}
	heard := make(chan string, 1)
	go func() {
		text := make([]byte, 0, 1<<16)
		chunk := make([]byte, 1<<12)
		for {
			n, err := printed.Read(chunk)
			text = append(text, chunk[:n]...)
			if err != nil {
				heard <- string(text)
				return
			}
		}
	}()

	var answer struct{ Seq uint64 }
	for i := 0; ; i++ { // the subscription may come after a first command
		id := "acme"
		if i > 0 {
			id += string(rune('a' + i))
		}
		out := natsCLI(t, server, "req", "--raw", "aerie.cmd."+id+".customer."+id+".create", `{"spec":{"hosting":"provider"}}`)
		if err := json.Unmarshal([]byte(out), &answer); err != nil || answer.Seq == 0 {
			t.Fatalf("the answer: %v: %s", err, out)
		}
		select {
		case text := <-heard:
			if !strings.Contains(text, "aerie.evt.") || !strings.Contains(text, "hosting") {
				t.Errorf("nats sub saw %s", text)
			}
		case <-time.After(time.Second):
			if i < 20 {
				continue
			}
			t.Fatal("nats sub saw no event")
		}
		break
	}
	if out := natsCLI(t, server, "req", "--raw", "aerie.cmd.ash.customer.ash.create", `{"spec":{"hosting":"moon"}}`); !strings.Contains(out, "spec.hosting") {
		t.Errorf("a refusal names no field: %s", out)
	}
	if out := natsCLI(t, server, "micro", "stats", "aerie"); !oneError.MatchString(out) {
		t.Errorf("nats micro stats does not count the refusal: %s", out)
	}
	if out := natsCLI(t, server, "stream", "get", "AERIE_EVENTS", "1"); !strings.Contains(out, "hosting") {
		t.Errorf("nats stream get shows %s", out)
	}
	views(t, server)
	natsCLI(t, server, "server", "check", "stream", "--stream", "AERIE_EVENTS")
	natsCLI(t, server, "--inbox-prefix", "_INBOX.admin", "server", "check", "connection")
}

// views pages through the log, for which the nats CLI wants a terminal: script is one.
func views(t *testing.T, server string) {
	t.Helper()
	ctx, quit := context.WithTimeout(t.Context(), time.Minute)
	defer quit()
	cmd := natsCommand(ctx, t, server, "stream", "view", "AERIE_EVENTS", "1")
	cmd.Args = []string{"script", "-qec", strings.Join(cmd.Args, " "), "/dev/null"}
	cmd.Path = "/usr/bin/script"
	_, err := cmd.StdinPipe() // it ends with its input
	if err != nil {
		t.Fatal(err)
	}
	printed, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Wait() }()
	defer quit()
	var text strings.Builder
	for lines := bufio.NewScanner(printed); lines.Scan(); {
		fmt.Fprintln(&text, lines.Text())
		if strings.Contains(lines.Text(), `"hosting"`) {
			return
		}
	}
	t.Errorf("nats stream view shows %s", &text)
}

// oneError is the line of an endpoint with one error in the table of nats micro stats.
var oneError = regexp.MustCompile(`commands\s*│\s*\d+\s*│\s*q\s*│\s*1\s*│`)
