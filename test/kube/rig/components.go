package main

import (
	"context"
	"errors"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"go.etcd.io/etcd/server/v3/embed"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	cliflag "k8s.io/component-base/cli/flag"
	apiserverapp "k8s.io/kubernetes/cmd/kube-apiserver/app"
	apiserveroptions "k8s.io/kubernetes/cmd/kube-apiserver/app/options"
	kcmapp "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	kcmoptions "k8s.io/kubernetes/cmd/kube-controller-manager/app/options"
	schedapp "k8s.io/kubernetes/cmd/kube-scheduler/app"
	schedoptions "k8s.io/kubernetes/cmd/kube-scheduler/app/options"
)

func startEtcd(d string) (*embed.Etcd, string, error) {
	cfg := embed.NewConfig()
	cfg.Dir = filepath.Join(d, "etcd")
	any := []url.URL{{Scheme: "http", Host: "127.0.0.1:0"}} // the advertised ones are used by nobody
	cfg.ListenClientUrls, cfg.AdvertiseClientUrls = any, any
	cfg.ListenPeerUrls, cfg.AdvertisePeerUrls = any, any
	cfg.InitialCluster = cfg.InitialClusterFromName(cfg.Name)
	cfg.UnsafeNoFsync = true // a crash of the machine may lose the test's data
	cfg.LogLevel = "error"
	cfg.LogOutputs = []string{filepath.Join(d, "etcd.log")}
	cfg.TickMs, cfg.ElectionMs = 10, 100 // one member: be leader at once
	e, err := embed.StartEtcd(cfg)
	if err != nil {
		return nil, "", err
	}
	select {
	case <-e.Server.ReadyNotify():
	case <-time.After(20 * time.Second):
		e.Close()
		return nil, "", errors.New("not ready after 20 s")
	}
	return e, "http://" + e.Clients[0].Addr().String(), nil
}

func parse(sets cliflag.NamedFlagSets, args []string, more string) error {
	fs := pflag.NewFlagSet("kuberig", pflag.ContinueOnError)
	for _, f := range sets.FlagSets {
		fs.AddFlagSet(f)
	}
	return fs.Parse(append(args, strings.Fields(more)...))
}

func newAPIServer(d string, ln net.Listener) (func(ctx context.Context, etcdURL string) error, error) {
	s := apiserveroptions.NewServerRunOptions()
	f := func(n string) string { return filepath.Join(d, n) }
	if err := parse(s.Flags(), []string{
		"--bind-address=127.0.0.1",
		"--advertise-address=192.0.2.1", // only written in the endpoints of service "kubernetes"
		"--tls-cert-file=" + f("apiserver.crt"), "--tls-private-key-file=" + f("apiserver.key"),
		"--client-ca-file=" + f("ca.crt"),
		"--requestheader-client-ca-file=" + f("ca.crt"), "--requestheader-allowed-names=front-proxy",
		"--requestheader-username-headers=X-Remote-User", "--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file=" + f("front-proxy.crt"), "--proxy-client-key-file=" + f("front-proxy.key"),
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + f("sa.key"), "--service-account-signing-key-file=" + f("sa.key"),
		"--service-cluster-ip-range=10.96.0.0/16",
		"--authorization-mode=Node,RBAC",
		"--allow-privileged=true",
		"--profiling=false",
	}, *apiArgs); err != nil {
		return nil, err
	}
	s.SecureServing.Listener = ln
	s.SecureServing.BindPort = ln.Addr().(*net.TCPAddr).Port
	return func(ctx context.Context, etcdURL string) error {
		s.Etcd.StorageConfig.Transport.ServerList = []string{etcdURL}
		if err := s.GenericServerRunOptions.ComponentGlobalsRegistry.Set(); err != nil {
			return err
		}
		c, err := s.Complete(ctx)
		if err != nil {
			return err
		}
		if errs := c.Validate(); len(errs) > 0 {
			return utilerrors.NewAggregate(errs)
		}
		return apiserverapp.Run(ctx, c)
	}, nil
}

func newKCM(d string) (func(context.Context) error, error) {
	s, err := kcmoptions.NewKubeControllerManagerOptions()
	if err != nil {
		return nil, err
	}
	f := func(n string) string { return filepath.Join(d, n) }
	all, off, aliases := kcmapp.KnownControllers(), kcmapp.ControllersDisabledByDefault(), kcmapp.ControllerAliases()
	sets := s.Flags(all, off, aliases)
	s.ParsedFlags = &sets
	if err := parse(sets, []string{
		"--kubeconfig=" + f("kube-controller-manager.kubeconfig"),
		"--leader-elect=false", "--secure-port=0",
		"--use-service-account-credentials=true",
		"--service-account-private-key-file=" + f("sa.key"), "--root-ca-file=" + f("ca.crt"),
		"--cluster-signing-cert-file=" + f("ca.crt"), "--cluster-signing-key-file=" + f("ca.key"),
		"--kube-api-qps=500", "--kube-api-burst=1000",
	}, *kcmArgs); err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		c, err := s.Config(ctx, all, off, aliases)
		if err != nil {
			return err
		}
		return kcmapp.Run(ctx, c.Complete())
	}, nil
}

func newScheduler(d string) (func(context.Context) error, error) {
	o := schedoptions.NewOptions()
	if err := parse(*o.Flags, []string{
		"--kubeconfig=" + filepath.Join(d, "kube-scheduler.kubeconfig"),
		"--leader-elect=false", "--secure-port=0",
		"--kube-api-qps=500", "--kube-api-burst=1000",
	}, *schedArgs); err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		cc, sched, err := schedapp.Setup(ctx, o)
		if err != nil {
			return err
		}
		return schedapp.Run(ctx, cc, sched)
	}, nil
}
