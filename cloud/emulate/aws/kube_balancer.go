package aws

import (
	"strings"

	"github.com/aeriehq/aerie/cloud/emulate"
	"github.com/aeriehq/aerie/kube"
)

// balance makes for each Service of the type LoadBalancer what the cloud's controller in the cluster would: a load
// balancer, as the interfaces that it has in the network. It goes with its Service and not with the cluster: who deletes
// the cluster first has it left, and cannot delete the network.
func (k *kubeCall) balance(cluster *emulate.Thing, store *kube.Memory) error {
	if !strings.Contains(k.what.Name, "services") && !strings.HasPrefix(k.what.Name, "namespaces/") {
		return nil
	}
	services, err := store.List(k.http.Context(), kube.Selector{APIVersion: "v1", Kind: "Service"})
	if err != nil {
		return err
	}
	wanted := map[string]bool{}
	for _, s := range services {
		if spec, _ := s["spec"].(map[string]any); spec["type"] == "LoadBalancer" {
			wanted[s.Namespace()+"/"+s.Name()] = true
		}
	}
	for _, t := range k.Elsewhere(cluster.Account, cluster.Region).All(interfaceKind.kind) {
		if t.Text("_cluster") != k.id {
			continue
		}
		if _, still := wanted[t.Text("_service")]; !still {
			k.Drop(t)
		} else {
			wanted[t.Text("_service")] = false
		}
	}
	for _, name := range sortedKeys(wanted) {
		if wanted[name] {
			k.makeBalancer(cluster, name)
		}
	}
	return nil
}

func (k *kubeCall) makeBalancer(cluster *emulate.Thing, service string) {
	here := k.Elsewhere(cluster.Account, cluster.Region)
	name := "ELB net/k8s-" + random(16)
	for _, id := range texts(sub(cluster.Doc, "resourcesVpcConfig"), "subnetIds") {
		if subnet := here.Find(subnetKind.kind, "", id); subnet != nil {
			attachInterface(here, subnet, doc{
				"description": name, "interfaceType": "network_load_balancer", "requesterId": "amazon-elb", "_cluster": k.id, "_service": service,
			})
		}
	}
}
