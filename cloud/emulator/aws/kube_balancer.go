package aws

import (
	"strings"

	"github.com/aeriehq/aerie/cloud/emulator"
	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
	"github.com/aeriehq/aerie/cloud/emulator/aws/ec2"
	"github.com/aeriehq/aerie/cloud/emulator/aws/elb"
	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/memory"
)

// balance makes for each Service of the type LoadBalancer what the cloud's controller in the cluster would: a load
// balancer, a classic one unless the Service says otherwise, with the interfaces that it has in the network. It goes with
// its Service and not with the cluster: who deletes the cluster first has it left, and cannot delete the network.
func (k *kubeCall) balance(cluster *emulator.Resource, store *memory.Store) error {
	if !strings.Contains(k.what.Name, "services") && !strings.HasPrefix(k.what.Name, "namespaces/") {
		return nil
	}
	services, err := store.List(k.http.Context(), kube.Selector{APIVersion: "v1", Kind: "Service"})
	if err != nil {
		return err
	}
	wanted := map[string]kube.Object{}
	for _, s := range services {
		if spec, _ := s["spec"].(map[string]any); spec["type"] == "LoadBalancer" {
			wanted[s.Namespace()+"/"+s.Name()] = s
		}
	}
	here := k.Elsewhere(cluster.Account, cluster.Region)
	for _, t := range here.All(elb.BalancerKind) {
		if t.Text("_cluster") != k.id {
			continue
		}
		if wanted[t.Text("_service")] == nil {
			k.unbalance(here, t)
		}
		delete(wanted, t.Text("_service"))
	}
	for _, name := range core.SortedKeys(wanted) {
		k.makeBalancer(cluster, name, wanted[name])
	}
	return nil
}

func (k *kubeCall) unbalance(here emulator.Scope, t *emulator.Resource) {
	for _, g := range here.All(elb.TargetKind) {
		if g.Text("_balancer") == t.Name {
			k.Drop(g)
		}
	}
	elb.DropBalancer(k.Call, here, t)
}

const balancerType = "service.beta.kubernetes.io/aws-load-balancer-type"

func (k *kubeCall) makeBalancer(cluster *emulator.Resource, service string, of kube.Object) {
	here, name := k.Elsewhere(cluster.Account, cluster.Region), core.RandomHex(32)
	vpc := core.Sub(cluster.Doc, "resourcesVpcConfig")
	prefix := "arn:aws:elasticloadbalancing:" + cluster.Region + ":" + cluster.Account + ":"
	tags := map[string]string{"kubernetes.io/cluster/" + cluster.Name: "owned", "kubernetes.io/service-name": service}
	d := doc{"LoadBalancerName": name, "VpcId": core.Text(vpc, "vpcId"), "DNSName": name + "." + cluster.Region + ".elb.amazonaws.com", "Type": "classic", "_cluster": k.id, "_service": service}
	says, kind := "ELB "+name, "interface"
	if annotation(of, balancerType) != "" {
		id := core.RandomHex(16)
		d["Type"], d["LoadBalancerArn"], d["State"] = "network", prefix+"loadbalancer/net/"+name+"/"+id, doc{"Code": "active"}
		says, kind = "ELB net/"+name+"/"+id, "network_load_balancer"
		here.Make(emulator.Resource{Kind: elb.TargetKind, Name: name, Tags: tags, Doc: doc{
			"TargetGroupName": name, "TargetGroupArn": prefix + "targetgroup/" + name + "/" + core.RandomHex(16), "VpcId": core.Text(vpc, "vpcId"), "_balancer": name,
		}}, 0)
	}
	here.Make(emulator.Resource{Kind: elb.BalancerKind, Name: name, Tags: tags, Doc: d}, 0)
	for _, id := range core.Texts(vpc, "subnetIds") {
		if subnet := here.Find(ec2.SubnetKind.Name, "", id); subnet != nil {
			ec2.AttachInterface(here, subnet, doc{"description": says, "interfaceType": kind, "requesterId": "amazon-elb", "_balancer": name})
		}
	}
}

func annotation(o kube.Object, key string) string {
	meta, _ := o["metadata"].(map[string]any)
	all, _ := meta["annotations"].(map[string]any)
	return core.Text(all, key)
}
