package aws

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aeriehq/aerie/cloud/emulator/aws/catalogue"
)

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
	v := text(q.in, "version")
	switch {
	case v == "":
		return catalogue.DefaultVersion, nil
	case !slices.Contains(q.server.offers.Versions(), v):
		return "", wrong("unsupported Kubernetes version %s", v)
	}
	return v, nil
}

func (q *request) describeClusterVersions() (doc, error) {
	asked := texts(q.in, "clusterVersions")
	var found []any
	for _, v := range slices.Backward(q.server.offers.Versions()) {
		if len(asked) > 0 && !slices.Contains(asked, v) || yes(q.in, "defaultOnly") && v != catalogue.DefaultVersion {
			continue
		}
		status := "STANDARD_SUPPORT"
		if minor(v) <= minor(catalogue.ExtendedVersion) {
			status = "EXTENDED_SUPPORT"
		}
		if want := text(q.in, "versionStatus"); want != "" && want != status {
			continue
		}
		released := time.Date(2024, time.May, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 4*(minor(v)-30), 0)
		found = append(found, doc{
			"clusterVersion": v, "clusterType": "eks", "defaultVersion": v == catalogue.DefaultVersion, "defaultPlatformVersion": "eks.1", "kubernetesPatchVersion": v + ".1",
			"versionStatus": status, "status": strings.ToLower(strings.ReplaceAll(status, "_", "-")), "releaseDate": float64(released.Unix()),
			"endOfStandardSupportDate": float64(released.AddDate(0, 14, 0).Unix()), "endOfExtendedSupportDate": float64(released.AddDate(0, 26, 0).Unix()),
		})
	}
	return q.pageOf("clusterVersions", found)
}

func (q *request) describeAddonVersions() (doc, error) {
	clusters := q.server.offers.Versions()
	if v := text(q.in, "kubernetesVersion"); v != "" {
		clusters = []string{v}
	}
	var found []any
	for _, a := range catalogue.Addons {
		if name := text(q.in, "addonName"); name != "" && name != a.Name {
			continue
		}
		found = append(found, doc{
			"addonName": a.Name, "type": "networking", "owner": "aws", "publisher": "eks", "defaultNamespace": a.Namespace, "addonVersions": q.offered(a.Name, clusters),
		})
	}
	return q.pageOf("addons", found)
}

// offered are an add-on's versions, each with the cluster versions that it fits.
func (q *request) offered(name string, clusters []string) []any {
	var order []string
	fits := map[string][]any{}
	for _, cluster := range clusters {
		for i, v := range q.server.offers.AddonVersions(name, cluster) {
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
