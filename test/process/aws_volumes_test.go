package process

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2t "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/aeriehq/aerie/cloud"
	awscloud "github.com/aeriehq/aerie/cloud/aws"
	"github.com/aeriehq/aerie/cloud/emulator"
	"github.com/aeriehq/aerie/cloud/emulator/aws"
	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
	"github.com/aeriehq/aerie/cloud/kube"
)

// storage makes volumes for the cluster of a life's dataplane, as what runs in it would.
type storage struct {
	t       *testing.T
	cluster emulator.Entry
	ec2     *ec2.Client
	api     kube.API
}

// storage enters the customer's account and the cluster in it.
func (a *emulatedAWS) storage() *storage {
	a.t.Helper()
	live := a.ledger().Live(time.Now())
	at := slices.IndexFunc(live, func(e emulator.Entry) bool { return e.Kind == "cluster" })
	if at < 0 {
		a.t.Fatal("there is no cluster")
	}
	s := &storage{t: a.t, cluster: live[at], ec2: ec2.NewFromConfig(a.as(a.customer.Users[0]))}
	accounts, err := core.ReadAccounts(a.dir)
	role := a.customer.Roles[0]
	in := cloud.Scope{Account: cloud.Account{ID: a.customer.ID, Role: role.Name, ExternalID: role.ExternalID}, Region: "eu-central"}
	var to cloud.Access
	if err == nil {
		to, err = awscloud.New(awscloud.Options{Config: a.as(accounts[0].Users[0]), Now: time.Now}).Access(a.t.Context(), in, s.cluster.Name)
	}
	if err == nil {
		s.api, err = kube.Connect(to.Endpoint, to.CA, to.Token)
	}
	if err != nil {
		a.t.Fatal(err)
	}
	return s
}

// as is a configuration with the key of a user.
func (a *emulatedAWS) as(u core.User) awssdk.Config {
	a.t.Helper()
	pem, err := os.ReadFile(filepath.Join(a.dir, emulator.CAFile))
	if err != nil {
		a.t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	a.t.Cleanup(transport.CloseIdleConnections)
	return awssdk.Config{
		Region: "eu-central-1", BaseEndpoint: &a.url, HTTPClient: &http.Client{Transport: transport},
		Credentials: credentials.NewStaticCredentialsProvider(u.AccessKeyID, u.SecretAccessKey, ""),
	}
}

// volume makes one, with a PersistentVolume of that policy, and says its id.
func (s *storage) volume(policy string) string {
	s.t.Helper()
	var tags []ec2t.Tag
	for _, key := range []string{"aerie.io/owner", "aerie.io/name"} {
		tags = append(tags, ec2t.Tag{Key: awssdk.String(key), Value: awssdk.String(s.cluster.Tags[key])})
	}
	made, err := s.ec2.CreateVolume(s.t.Context(), &ec2.CreateVolumeInput{
		AvailabilityZone: awssdk.String("eu-central-1a"), Size: awssdk.Int32(4), TagSpecifications: []ec2t.TagSpecification{{ResourceType: ec2t.ResourceTypeVolume, Tags: tags}},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	_, err = s.api.Apply(s.t.Context(), kube.Object{
		"apiVersion": "v1", "kind": "PersistentVolume", "metadata": map[string]any{"name": *made.VolumeId},
		"spec": map[string]any{"persistentVolumeReclaimPolicy": policy, "csi": map[string]any{"driver": "ebs.csi.aws.com", "volumeHandle": *made.VolumeId}},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return *made.VolumeId
}

// volumes makes one that goes with the dataplane and one that stays. Nobody is killed meanwhile.
func (a *emulatedAWS) volumes(g *rage) {
	a.t.Helper()
	defer g.spare()()
	s := a.storage()
	s.volume("Delete")
	a.kept = s.volume("Retain")
}

// TestVolumesOfASilentCluster deletes dataplanes whose clusters do not say what is to become of their volumes: all stay, and
// are named.
func TestVolumesOfASilentCluster(t *testing.T) {
	t.Parallel()
	silence := emulator.Fault{Op: "kubernetes:List", Times: -1, Status: http.StatusServiceUnavailable, Code: "ServiceUnavailable", Message: "no etcd"}
	refusal := emulator.Fault{Op: "kubernetes:List", Match: "persistentvolumes", Times: -1, Status: http.StatusForbidden, Code: "Forbidden", Message: "persistentvolumes is forbidden"}
	for name, hurt := range map[string]func(*aws.Server) error{
		"no answer":    func(c *aws.Server) error { return c.Inject(silence) },
		"not to us":    func(c *aws.Server) error { return c.Inject(refusal) },
		"gone already": func(c *aws.Server) error { _, err := c.ByHand(emulator.ManualChange{Delete: "cluster"}); return err },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, cloud := emulateAWS(t, sampleSpeed, nil)
			p := a.server("600")
			p.start()
			if s := p.cli("apply", "-f", a.life("1.34", false, "view", 3, "s2", "s4", "gold"), "--wait", "--timeout", "2m"); s.code != 0 {
				t.Fatalf("apply: %+v\n%s", s, p.log)
			}
			s := a.storage()
			ids := []string{s.volume("Delete"), s.volume("Retain")}
			if err := hurt(cloud); err != nil {
				t.Fatal(err)
			}
			p.empty()
			slices.Sort(ids)
			if told := p.cli("history", "dataplane", "-/eu").out; !strings.Contains(told, "kept "+strings.Join(ids, ", ")) {
				t.Errorf("that %v are kept is not told: %s", ids, told)
			}
			for _, e := range a.ledger().Live(time.Now()) {
				if !slices.Contains(ids, e.Name) || e.Owner() != "" {
					t.Errorf("left: %+v", e)
				}
			}
		})
	}
}
