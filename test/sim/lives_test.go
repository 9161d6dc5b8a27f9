package sim

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/sim"
	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
	"github.com/aeriehq/aerie/workers/execute"
)

var update = flag.Bool("update", false, "rewrite the transcripts")

// TestLives plays the scenarios of testdata: each command is followed by what it
// caused. With -update the transcripts are written anew: read the difference.
func TestLives(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) < 4 {
		t.Fatalf("transcripts: %v, %v", files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := play(newRig(t), string(data))
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != string(data) {
				t.Errorf("the transcript differs (-update rewrites it):\n%s", got)
			}
		})
	}
}

// play runs the commands of a transcript (lines that start with "$ ") and writes
// it with what each of them caused. Comments and empty lines stay.
func play(r *rig, transcript string) string {
	var out strings.Builder
	for line := range strings.Lines(transcript) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "$ "):
			fmt.Fprintln(&out, line)
			for _, l := range r.perform(strings.TrimPrefix(line, "$ ")) {
				fmt.Fprintln(&out, "  "+l)
			}
		case line == "" || strings.HasPrefix(line, "#"):
			fmt.Fprintln(&out, line)
		}
	}
	return out.String()
}

// perform does one command of a transcript:
//
//	create KIND NAME SPEC     also update; SPEC is JSON; of upgrade and delete it is the body
//	retry KIND NAME
//	build KIND NAME PHASE     let the cloud's time pass until the phase is reached
//	await KIND NAME PHASE     the same with the cloud's clock standing still
//	stuck KIND NAME CODE      until its reason has the code, while the cloud's time passes slowly; print the reason
//	fault JSON                inject a fault into the simulated cloud
//	hand JSON                 change the simulated cloud behind our back
//	volume REGION ID POLICY   have one, with a PersistentVolume of that policy in the cluster there
//	restart                   stop and start everything but the store and the cloud's disk
//	history KIND NAME
//	objects NAMESPACE         what the clusters hold there
//	pools                     the node pools in the cloud
//	left                      what is left in the cloud
func (r *rig) perform(command string) []string {
	r.t.Helper()
	f := strings.SplitN(command, " ", 4)
	arg := func(i int) string {
		if i < len(f) {
			return f[i]
		}
		return ""
	}
	kind := ev.Kind(arg(1))
	switch f[0] {
	case "create", "update", "retry", "delete", "upgrade":
		return r.command(kind, arg(2), f[0], arg(3))
	case "build":
		r.phase(kind, arg(2), 30*time.Second, fsm.Phase(arg(3)))
		return nil
	case "await":
		r.phase(kind, arg(2), 0, fsm.Phase(arg(3)))
		return nil
	case "stuck":
		return r.stuck(kind, arg(2), ev.ReasonCode(arg(3)))
	case "fault":
		return r.inject(strings.TrimPrefix(command, "fault "))
	case "hand":
		return r.behind(strings.TrimPrefix(command, "hand "))
	case "volume":
		r.volume(arg(1), arg(2), arg(3))
		return nil
	case "restart":
		r.stop()
		r.start()
		return nil
	case "history":
		ref, _ := ev.ParseRef(kind, arg(2))
		return r.history(ref)
	case "objects":
		return r.objects(arg(1))
	case "pools":
		return r.pools()
	case "left":
		return r.left()
	}
	r.t.Fatalf("no such command: %s", command)
	return nil
}

func (r *rig) command(kind ev.Kind, path, verb, spec string) []string {
	body := ""
	if verb == "delete" || verb == "upgrade" {
		body = spec
	} else if spec != "" {
		body = `{"spec":` + spec + `}`
	}
	a, err := r.ask(kind, path, verb, body)
	var refusal *ev.Refusal
	if errors.As(err, &refusal) {
		lines := []string{fmt.Sprintf("%s, fault %s: %s", refusal.Code, refusal.Fault, refusal.Message)}
		for _, d := range refusal.Details {
			lines = append(lines, fmt.Sprintf("  %s: %s", d.Field, d.Message))
		}
		return lines
	}
	var types []string
	for _, e := range a.Events {
		types = append(types, e.Type)
	}
	if types == nil {
		types = []string{"nothing new"}
	}
	return []string{fmt.Sprintf("%s -> %s", strings.Join(types, ", "), a.Entity.Phase)}
}

func (r *rig) stuck(kind ev.Kind, path string, code ev.ReasonCode) []string {
	var reason *fsm.Blocker
	r.until(kind, path, time.Second, func(_ fsm.Entity[fsm.Data], why *fsm.Blocker) bool {
		reason = why
		return why != nil && why.Code == code
	})
	return []string{fmt.Sprintf("%s, fault %s, retried %t: %s", reason.Code, reason.Fault, reason.Retried, cloudName.ReplaceAllString(reason.Message, "$1 NAME"))}
}

func (r *rig) inject(text string) []string {
	var f struct {
		sim.Fault
		RetryAfter string `json:"retry_after"` // as in faults.json
	}
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		r.t.Fatal(err)
	}
	if f.RetryAfter != "" {
		wait, err := time.ParseDuration(f.RetryAfter)
		if err != nil {
			r.t.Fatal(err)
		}
		f.Fault.RetryAfter = wait
	}
	if err := r.cloud.Inject(f.Fault); err != nil {
		r.t.Fatal(err)
	}
	return nil
}

func (r *rig) behind(text string) []string {
	var h sim.ManualChange
	if err := json.Unmarshal([]byte(text), &h); err != nil {
		r.t.Fatal(err)
	}
	n, err := r.cloud.ByHand(h)
	if err != nil {
		r.t.Fatal(err)
	}
	return []string{fmt.Sprintf("%d things", n)}
}

// volume puts a PersistentVolume into the clusters of a region: the cloud makes its volume.
func (r *rig) volume(region, id, policy string) {
	at := cloud.Scope{Account: cloud.Account{ID: "4711"}, Region: region}
	all, err := r.cloud.ListOwned(r.t.Context(), at, "")
	for _, ref := range all {
		if ref.Kind != cloud.KindCluster || err != nil {
			continue
		}
		var api kube.API
		if api, err = r.cloud.Kube(r.t.Context(), at, ref.Name); err == nil {
			_, err = api.Apply(r.t.Context(), kube.Object{
				"apiVersion": "v1", "kind": "PersistentVolume", "metadata": map[string]any{"name": id},
				"spec": map[string]any{"persistentVolumeReclaimPolicy": policy, "csi": map[string]any{"driver": "ebs.csi.aws.com", "volumeHandle": id}},
			})
		}
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

// pools lists the node pools that carry a mark, as the cloud shows them.
func (r *rig) pools() (lines []string) {
	at := cloud.Scope{Account: cloud.Account{ID: "4711"}, Region: "eu-central"}
	all, err := r.cloud.ListOwned(r.t.Context(), at, "")
	if err != nil {
		r.t.Fatal(err)
	}
	for _, ref := range all {
		if ref.Kind != cloud.KindPool {
			continue
		}
		o, err := r.cloud.ObservePool(r.t.Context(), at, ref.Cluster, ref.Name)
		if err != nil {
			r.t.Fatal(err)
		}
		of := execute.IdentityOf(o.Owner)
		lines = append(lines, fmt.Sprintf("pool of %s %s: %s, spot %t, Kubernetes %s", of.Kind, of.ID, strings.Join(append([]string{o.Pool.Machine}, o.Pool.Others...), " or "), o.Pool.Spot, o.Version))
	}
	slices.Sort(lines)
	return lines
}

// left lists what lives in the cloud, from its ledger.
func (r *rig) left() []string {
	ledger, err := sim.ReadLedger(filepath.Join(r.dir, "cloud"))
	if err != nil {
		r.t.Fatal(err)
	}
	lines := []string{fmt.Sprintf("%d resources", len(ledger.Live()))}
	for _, res := range ledger.Live() {
		lines = append(lines, fmt.Sprintf("%s of %s", res.Kind, strings.TrimSuffix(res.Owner, "/"+execute.IdentityOf(res.Owner).UID)))
	}
	return lines
}

// objects lists what the clusters hold in a namespace, from the cloud's ledger.
func (r *rig) objects(namespace string) (lines []string) {
	ledger, err := sim.ReadLedger(filepath.Join(r.dir, "cloud"))
	if err != nil {
		r.t.Fatal(err)
	}
	for _, res := range ledger.Live() {
		if res.Kind != cloud.KindCluster {
			continue
		}
		for _, o := range ledger.Objects(res.Name) {
			if o.Namespace() == namespace || o.Kind() == "Namespace" && o.Name() == namespace {
				lines = append(lines, o.Kind()+" "+o.Name())
			}
		}
	}
	return lines
}
