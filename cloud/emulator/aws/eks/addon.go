package eks

import (
	"slices"
	"time"

	"github.com/aeriehq/aerie/cloud/emulator"
	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
)

// How long an add-on takes, in life.
const (
	addonMade    = 40 * time.Second
	addonDeleted = 20 * time.Second
)

func (q *request) createAddon() (doc, error) {
	cluster, err := q.cluster()
	if err != nil {
		return nil, err
	}
	name := core.Text(q.Params, "addonName")
	about := doc{"clusterName": cluster.Name, "addonName": name}
	if old := q.Here().Find("addon", cluster.Name, name); q.again(old) {
		return doc{"addon": q.tellAddon(old)}, nil
	} else if old != nil {
		return nil, core.Fail("ResourceInUseException", "Addon already exists.").About(about)
	}
	if s := cluster.Text("status"); s != "ACTIVE" && s != "UPDATING" {
		return nil, core.Fail("InvalidRequestException", "Cluster '%s' is not in ACTIVE status", cluster.Name).About(about)
	}
	version, err := q.addonVersion(cluster, name, core.Text(q.Params, "addonVersion"))
	if err != nil {
		return nil, err
	}
	if err := configured(name, core.Text(q.Params, "configurationValues")); err != nil {
		return nil, err
	}
	d := doc{
		"addonName": name, "clusterName": cluster.Name, "status": "CREATING", "addonVersion": version, "addonArn": q.arn("addon", cluster.Name+"/"+name+"/"+core.RequestID()),
		"createdAt": q.seconds(), "modifiedAt": q.seconds(), "health": doc{"issues": []any{}},
	}
	for _, field := range []string{"configurationValues", "serviceAccountRoleArn"} {
		if v, given := q.Params[field]; given {
			d[field] = v
		}
	}
	t := q.create("addon", cluster.Name, name, cluster.N, d)
	t.Due = &emulator.Scheduled{At: q.After(addonMade), Set: doc{"status": "ACTIVE"}}
	q.trouble(t, func(code, message string) doc { return ill("CREATE_FAILED", code, message) })
	return doc{"addon": q.tellAddon(t)}, nil
}

// addonVersion is the version asked for, or the usual one.
func (q *request) addonVersion(cluster *emulator.Resource, name, asked string) (string, error) {
	offered := q.Cloud.Gone.Without(addonVersions(name, cluster.Text("version")))
	switch {
	case len(offered) == 0:
		return "", wrong("Addon %s specified is not supported in %s kubernetes version", name, cluster.Text("version"))
	case asked == "":
		return offered[0], nil
	case !slices.Contains(offered, asked):
		return "", wrong("Addon version specified is not supported")
	}
	return asked, nil
}

// tellAddon is an add-on as it is shown: one that needs nodes is degraded as long as there are none.
func (q *request) tellAddon(t *emulator.Resource) doc {
	d := tell(t)
	if d["status"] == "ACTIVE" && needsNodes(t.Name) && !q.hasNodes(t.Parent) {
		emulator.Merge(d, ill("DEGRADED", "InsufficientNumberOfReplicas", "The add-on is unhealthy because it doesn't have the desired number of replicas."))
	}
	return d
}

func (q *request) hasNodes(cluster string) bool {
	return slices.ContainsFunc(q.Here().All("nodegroup"), func(t *emulator.Resource) bool { return t.Parent == cluster && ReadyNodes(t) > 0 })
}

// addon is the one that a request names.
func (q *request) addon(cluster *emulator.Resource) (*emulator.Resource, error) {
	name := core.Text(q.Params, "addonName")
	t := q.Here().See("addon", cluster.Name, name)
	if t == nil {
		return nil, core.Fail("ResourceNotFoundException", "No addon: %s found in cluster: %s", name, cluster.Name).About(doc{"clusterName": cluster.Name, "addonName": name})
	}
	return t, nil
}

// onAddon is the add-on that a request names, with its cluster.
func (q *request) onAddon() (cluster, t *emulator.Resource, err error) {
	if cluster, err = q.cluster(); err == nil {
		t, err = q.addon(cluster)
	}
	return cluster, t, err
}

func (q *request) describeAddon() (doc, error) {
	_, t, err := q.onAddon()
	if err != nil {
		return nil, err
	}
	return doc{"addon": q.tellAddon(t)}, nil
}

func (q *request) deleteAddon() (doc, error) {
	_, t, err := q.onAddon()
	if err != nil {
		return nil, err
	}
	if t.Text("status") == "DELETING" {
		return doc{"addon": q.tellAddon(t)}, nil
	}
	e := q.Edit(t)
	e.Doc["status"] = "DELETING"
	e.Due = &emulator.Scheduled{At: q.After(addonDeleted), Gone: true}
	q.trouble(e, func(code, message string) doc { return ill("DELETE_FAILED", code, message) })
	return doc{"addon": q.tellAddon(e)}, nil
}

func (q *request) updateAddon() (doc, error) {
	cluster, t, err := q.onAddon()
	if err != nil {
		return nil, err
	}
	if err := configured(t.Name, core.Text(q.Params, "configurationValues")); err != nil {
		return nil, err
	}
	set, params := doc{}, doc{}
	if asked := core.Text(q.Params, "addonVersion"); asked != "" {
		if set["addonVersion"], err = q.addonVersion(cluster, t.Name, asked); err != nil {
			return nil, err
		}
		params["AddonVersion"] = asked
	}
	for _, field := range []string{"configurationValues", "serviceAccountRoleArn"} {
		if v, given := q.Params[field]; given {
			set[field], params[core.Capital(field)] = v, v
		}
	}
	return q.updating(t, "AddonUpdate", params, addonMade, set)
}
