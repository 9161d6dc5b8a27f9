// Package rigtest starts a real Kubernetes control plane for tests: the program of test/kube/rig,
// which is built apart because its dependencies are not the product's.
//
// It installs nothing and is no client: a test talks to the API with the kubeconfig of the Rig. Begin
// with Start. A Rig is for one goroutine; several rigs may run at once. The program ends when the
// test's process is gone, however that ended. After Kill another Start with the same -dir and -addr
// brings the same cluster back.
package rigtest

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// Rig is a running control plane.
type Rig struct {
	Kubeconfig string `json:"kubeconfig"` // of a cluster's administrator
	Server     string `json:"server"`
	Version    string `json:"version"`

	in  io.Closer
	cmd *exec.Cmd
}

// Variable is the environment's variable that names the rig's program. `make test-kube` sets it.
const Variable = "KUBERIG_BIN"

// Start returns once the API answers, the controllers work and the nodes are ready. The rig ends with Stop, or when
// this process is gone: its stdin closes then.
func Start(args ...string) (*Rig, error) {
	program := os.Getenv(Variable)
	if program == "" {
		return nil, errors.New(Variable + " names no rig: make test-kube builds one and sets it")
	}
	r := &Rig{cmd: exec.Command(program, append([]string{"-stdin"}, args...)...)}
	in, err := r.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	r.in = in
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := r.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, r)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start the rig: %w", err), r.Stop())
	}
	return r, nil
}

// Stop ends the rig and waits for it.
func (r *Rig) Stop() error { return errors.Join(r.in.Close(), r.cmd.Wait()) }

// Kill ends it as an outage does. With -dir and -addr given to both, another Start brings the same cluster back at the
// same address, with the same keys and data.
func (r *Rig) Kill() {
	_ = r.cmd.Process.Kill()
	_ = r.cmd.Wait()
}
