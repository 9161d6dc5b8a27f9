package eks

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
)

// versions are the Kubernetes versions that EKS offers, oldest first; the last but one is what it takes by itself.
var versions = []string{"1.30", "1.31", "1.32", "1.33", "1.34", "1.35", "1.36"}

const defaultVersion = "1.35"

// extended is the newest version that is out of standard support.
const extended = "1.32"

// minor is the second number of a version; -1 of what is none.
func minor(version string) int {
	major, rest, _ := strings.Cut(version, ".")
	n, err := strconv.Atoi(rest)
	if major != "1" || err != nil {
		return -1
	}
	return n
}

// version is what a creation asks for.
func (q *request) version() (string, error) {
	v := core.Text(q.Params, "version")
	switch {
	case v == "":
		return defaultVersion, nil
	case !slices.Contains(q.Cloud.Gone.Without(versions), v):
		return "", wrong("unsupported Kubernetes version %s", v)
	}
	return v, nil
}

func (q *request) describeClusterVersions() (doc, error) {
	asked := core.Texts(q.Params, "clusterVersions")
	var found []any
	for _, v := range slices.Backward(q.Cloud.Gone.Without(versions)) {
		if len(asked) > 0 && !slices.Contains(asked, v) || core.Yes(q.Params, "defaultOnly") && v != defaultVersion {
			continue
		}
		status := "STANDARD_SUPPORT"
		if minor(v) <= minor(extended) {
			status = "EXTENDED_SUPPORT"
		}
		if want := core.Text(q.Params, "versionStatus"); want != "" && want != status {
			continue
		}
		released := time.Date(2024, time.May, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 4*(minor(v)-30), 0)
		found = append(found, doc{
			"clusterVersion": v, "clusterType": "eks", "defaultVersion": v == defaultVersion, "defaultPlatformVersion": "eks.1", "kubernetesPatchVersion": v + ".1",
			"versionStatus": status, "status": strings.ToLower(strings.ReplaceAll(status, "_", "-")), "releaseDate": float64(released.Unix()),
			"endOfStandardSupportDate": float64(released.AddDate(0, 14, 0).Unix()), "endOfExtendedSupportDate": float64(released.AddDate(0, 26, 0).Unix()),
		})
	}
	return q.pageOf("clusterVersions", found)
}

// addonKinds are the add-ons that there are; the first version of a row is what EKS takes by itself.
var addonKinds = []struct {
	name, namespace string
	versions        []string
	needsNodes      bool // it is degraded without nodes to run on
}{
	{"vpc-cni", "kube-system", []string{"v1.20.4-eksbuild.2", "v1.20.1-eksbuild.3"}, false},
	{"kube-proxy", "kube-system", nil, false},
	{"coredns", "kube-system", []string{"v1.12.4-eksbuild.1", "v1.12.1-eksbuild.2"}, true},
	{"aws-ebs-csi-driver", "kube-system", []string{"v1.52.1-eksbuild.1", "v1.49.0-eksbuild.1"}, true},
	{"eks-pod-identity-agent", "kube-system", []string{"v1.3.10-eksbuild.1"}, false},
	{"metrics-server", "kube-system", []string{"v0.8.0-eksbuild.5"}, true},
	{"aws-efs-csi-driver", "kube-system", []string{"v2.1.13-eksbuild.1"}, true},
	{"snapshot-controller", "kube-system", []string{"v8.3.0-eksbuild.1"}, true},
}

// addonVersions are the versions of an add-on that fit a cluster's, the usual one first. Kube-proxy has the cluster's own.
func addonVersions(name, cluster string) []string {
	for _, a := range addonKinds {
		switch {
		case a.name == name && a.versions == nil:
			return []string{"v" + cluster + ".1-eksbuild.2", "v" + cluster + ".0-eksbuild.2"}
		case a.name == name:
			return a.versions
		}
	}
	return nil
}

func needsNodes(name string) bool {
	for _, a := range addonKinds {
		if a.name == name {
			return a.needsNodes
		}
	}
	return false
}

func (q *request) describeAddonVersions() (doc, error) {
	clusters := q.Cloud.Gone.Without(versions)
	if v := core.Text(q.Params, "kubernetesVersion"); v != "" {
		clusters = []string{v}
	}
	var found []any
	for _, a := range addonKinds {
		if name := core.Text(q.Params, "addonName"); name != "" && name != a.name {
			continue
		}
		found = append(found, doc{
			"addonName": a.name, "type": "networking", "owner": "aws", "publisher": "eks", "defaultNamespace": a.namespace, "addonVersions": q.offered(a.name, clusters),
		})
	}
	return q.pageOf("addons", found)
}

// offered are an add-on's versions, each with the cluster versions that it fits.
func (q *request) offered(name string, clusters []string) []any {
	var order []string
	fits := map[string][]any{}
	for _, cluster := range clusters {
		for i, v := range q.Cloud.Gone.Without(addonVersions(name, cluster)) {
			if fits[v] == nil {
				order = append(order, v)
			}
			fits[v] = append(fits[v], doc{"clusterVersion": cluster, "platformVersions": []any{"*"}, "defaultVersion": i == 0})
		}
	}
	all := []any{}
	for _, v := range order {
		all = append(all, doc{"addonVersion": v, "architecture": []any{"amd64", "arm64"}, "computeTypes": []any{"ec2"}, "compatibilities": fits[v], "requiresConfiguration": false, "requiresIamPermissions": false})
	}
	return all
}
