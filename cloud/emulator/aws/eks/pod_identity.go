package eks

import (
	"strings"

	"github.com/aeriehq/aerie/cloud/emulator"
	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
)

func (q *request) createPodIdentity() (doc, error) {
	cluster, err := q.cluster()
	if err != nil {
		return nil, err
	}
	about := doc{"clusterName": cluster.Name}
	namespace, account := core.Text(q.Params, "namespace"), core.Text(q.Params, "serviceAccount")
	for _, old := range q.podIdentities(cluster) {
		if old.Text("namespace") != namespace || old.Text("serviceAccount") != account {
			continue
		}
		if q.again(old) {
			return doc{"association": tell(old)}, nil
		}
		return nil, core.Fail("ResourceInUseException", "Association already exists: %s", old.Name).About(about)
	}
	if s := cluster.Text("status"); s != "ACTIVE" && s != "UPDATING" {
		return nil, core.Fail("InvalidRequestException", "Cluster '%s' is not in ACTIVE status", cluster.Name).About(about)
	}
	role := core.Text(q.Params, "roleArn")
	if err := q.roleFor("pods.eks.amazonaws.com", role, nil); err != nil {
		return nil, err
	}
	id := "a-" + core.RandomHex(17)
	t := q.create("pod-identity-association", cluster.Name, id, cluster.N, doc{
		"associationId": id, "associationArn": q.arn("podidentityassociation", cluster.Name+"/"+id), "clusterName": cluster.Name, "namespace": namespace,
		"serviceAccount": account, "roleArn": role, "createdAt": q.seconds(), "modifiedAt": q.seconds(),
	})
	return doc{"association": tell(t)}, nil
}

func (q *request) podIdentities(cluster *emulator.Resource) (found []*emulator.Resource) {
	for _, t := range q.Here().All("pod-identity-association") {
		if t.Parent == cluster.Name {
			found = append(found, t)
		}
	}
	return found
}

func (q *request) listPodIdentities() (doc, error) {
	cluster, err := q.cluster()
	if err != nil {
		return nil, err
	}
	var found []any
	for _, t := range q.podIdentities(cluster) {
		if !fits(t, "namespace", q.Params) || !fits(t, "serviceAccount", q.Params) {
			continue
		}
		d := doc{}
		for _, field := range []string{"associationId", "associationArn", "clusterName", "namespace", "serviceAccount"} {
			d[field] = t.Doc[field]
		}
		found = append(found, d)
	}
	return q.pageOf("associations", found)
}

// fits says whether a thing has what a request asks for in a field, if it asks.
func fits(t *emulator.Resource, field string, in doc) bool {
	return core.Text(in, field) == "" || core.Text(in, field) == t.Text(field)
}

// podIdentity is the association that a request names.
func (q *request) podIdentity() (*emulator.Resource, error) {
	cluster, err := q.cluster()
	if err != nil {
		return nil, err
	}
	id := core.Text(q.Params, "associationId")
	t := q.Here().See("pod-identity-association", cluster.Name, id)
	if t == nil {
		return nil, core.Fail("ResourceNotFoundException", "Could not find associationId: %s", id).About(doc{"clusterName": cluster.Name})
	}
	return t, nil
}

func (q *request) describePodIdentity() (doc, error) {
	t, err := q.podIdentity()
	if err != nil {
		return nil, err
	}
	return doc{"association": tell(t)}, nil
}

func (q *request) deletePodIdentity() (doc, error) {
	t, err := q.podIdentity()
	if err != nil {
		return nil, err
	}
	q.Drop(t)
	return doc{"association": tell(t)}, nil
}

// arnFields are the fields in which EKS' things have their ARN, by kind.
var arnFields = map[string]string{
	"cluster": "arn", "nodegroup": "nodegroupArn", "addon": "addonArn", "access-entry": "accessEntryArn", "pod-identity-association": "associationArn",
}

// tagged is the thing whose tags a request is about.
func (q *request) tagged() (*emulator.Resource, error) {
	arn := core.Text(q.Params, "resourceArn")
	if !strings.HasPrefix(arn, "arn:aws:eks:") {
		return nil, core.Fail("BadRequestException", "Invalid ARN %q", arn)
	}
	for kind, field := range arnFields {
		for _, t := range q.Here().Shown(kind) {
			if t.Text(field) == arn {
				return t, nil
			}
		}
	}
	return nil, core.Fail("NotFoundException", "Resource not found: %s", arn)
}

func (q *request) tagResource() (doc, error) {
	t, err := q.tagged()
	if err == nil {
		err = core.MergeTags(q.Edit(t), core.PlainTags(core.Sub(q.Params, "tags")))
	}
	return nil, err
}

func (q *request) untagResource() (doc, error) {
	t, err := q.tagged()
	if err != nil {
		return nil, err
	}
	e := q.Edit(t)
	for _, k := range core.Texts(q.Params, "tagKeys") {
		delete(e.Tags, k)
	}
	return nil, nil
}

func (q *request) listTags() (doc, error) {
	t, err := q.tagged()
	if err != nil {
		return nil, err
	}
	return doc{"tags": tell(t)["tags"]}, nil
}
