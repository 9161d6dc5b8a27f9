package controllers

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/aeriehq/aerie/cloud/kube"
)

// AnnotationData is what is on a volume, as its object says: a volume that is made of a snapshot has what was on that one.
const AnnotationData = "sim.aerie.io/data"

const snapshotAPI = "snapshot.storage.k8s.io/v1"

// Storage is what is behind the volumes and snapshots of all clusters of an account and region, and the controllers that bring it into
// them: the zero value has none. It takes the snapshots that a cluster asks for, has them ready a step later, makes volumes of them, and
// removes what is behind those that go if the policy of their content is Delete.
type Storage struct {
	mu     sync.Mutex
	data   map[string]string // what is in the snapshots that there are, by handle
	delete map[string]string // which content removes a handle
	Taken  int               // how many snapshots were taken
	Made   int               // how many volumes were made of some
	Wrong  []string          // what must not be
}

// Left are the handles of the snapshots that there are.
func (s *Storage) Left() (handles []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for h := range s.data {
		handles = append(handles, h)
	}
	slices.Sort(handles)
	return handles
}

// Step brings one cluster one step further. What changes under its hands is left to the next one.
func (s *Storage) Step(ctx context.Context, api kube.API) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.data == nil {
		s.data, s.delete = map[string]string{}, map[string]string{}
	}
	for _, kind := range []struct {
		apiVersion, kind string
		do               func(context.Context, kube.API, kube.Object) error
	}{{snapshotAPI, "VolumeSnapshotContent", s.content}, {snapshotAPI, "VolumeSnapshot", s.snapshot}, {"v1", "PersistentVolumeClaim", s.claim}} {
		all, err := api.List(ctx, kube.Selector{APIVersion: kind.apiVersion, Kind: kind.kind})
		if err != nil {
			return err
		}
		for _, o := range all {
			if err := late(kind.do(ctx, api, o)); err != nil {
				return err
			}
		}
	}
	return nil
}

func find(ctx context.Context, api kube.API, apiVersion, kind, namespace, name string) (kube.Object, error) {
	return kube.Find(ctx, api, kube.Key{APIVersion: apiVersion, Kind: kind, Namespace: namespace, Name: name})
}

func put(ctx context.Context, api kube.API, o kube.Object) error {
	_, err := api.Apply(ctx, o)
	return err
}

// content has a content be ready, or go with its snapshot.
func (s *Storage) content(ctx context.Context, api kube.API, o kube.Object) error {
	spec := kube.MapOf(o["spec"])
	source := kube.MapOf(spec["source"])
	handle := kube.StringOf(kube.MapOf(o["status"])["snapshotHandle"])
	if handle == "" {
		handle = kube.StringOf(source["snapshotHandle"])
	}
	if spec["deletionPolicy"] == "Delete" {
		by := kube.StringOf(o.Metadata()["uid"]) + " " + o.Name()
		if is := s.delete[handle]; is != "" && is != by {
			s.Wrong = append(s.Wrong, fmt.Sprintf("%s and %s would both remove %s", is, by, handle))
		}
		s.delete[handle] = by
	}
	ref := kube.MapOf(spec["volumeSnapshotRef"])
	of, err := find(ctx, api, snapshotAPI, "VolumeSnapshot", kube.StringOf(ref["namespace"]), kube.StringOf(ref["name"]))
	switch {
	case err != nil:
		return err
	case of == nil && spec["deletionPolicy"] == "Delete":
		if _, there := s.data[handle]; !there {
			s.Wrong = append(s.Wrong, "removed twice: "+handle)
		}
		if err := kube.Delete(ctx, api, o.Key()); err != nil {
			return err
		}
		delete(s.data, handle)
		return nil
	case kube.MapOf(o["status"])["readyToUse"] == true:
		return nil
	}
	o = o.Clone()
	o["status"] = map[string]any{"snapshotHandle": handle, "readyToUse": true}
	return put(ctx, api, o)
}

// snapshot has a snapshot taken, or be ready when its content is.
func (s *Storage) snapshot(ctx context.Context, api kube.API, o kube.Object) error {
	source := kube.Nested(o, "spec", "source")
	claim, name := kube.StringOf(source["persistentVolumeClaimName"]), kube.StringOf(source["volumeSnapshotContentName"])
	if claim != "" {
		name = "snapcontent-" + o.Namespace() + "-" + o.Name() + "-" + kube.StringOf(o.Metadata()["uid"])
	}
	content, err := find(ctx, api, snapshotAPI, "VolumeSnapshotContent", "", name)
	if err != nil {
		return err
	}
	if content == nil && claim != "" {
		return s.take(ctx, api, o, claim, name)
	}
	handle := kube.StringOf(kube.MapOf(content["status"])["snapshotHandle"])
	if _, there := s.data[handle]; !there || kube.MapOf(content["status"])["readyToUse"] != true || kube.MapOf(o["status"])["readyToUse"] == true {
		return nil
	}
	o = o.Clone()
	o["status"] = map[string]any{"readyToUse": true, "boundVolumeSnapshotContentName": name, "restoreSize": "1Gi"}
	return put(ctx, api, o)
}

func (s *Storage) take(ctx context.Context, api kube.API, o kube.Object, claim, name string) error {
	c, err := find(ctx, api, "v1", "PersistentVolumeClaim", o.Namespace(), claim)
	if err != nil || c == nil {
		return err
	}
	v, err := find(ctx, api, "v1", "PersistentVolume", "", kube.StringOf(kube.MapOf(c["spec"])["volumeName"]))
	if err != nil || v == nil {
		return err
	}
	class, err := find(ctx, api, snapshotAPI, "VolumeSnapshotClass", "", kube.StringOf(kube.MapOf(o["spec"])["volumeSnapshotClassName"]))
	if err != nil || class == nil {
		return err
	}
	handle := fmt.Sprintf("snap-%d", s.Taken)
	content := kube.NewObject(snapshotAPI, "VolumeSnapshotContent", "", name, map[string]any{"deletionPolicy": class["deletionPolicy"], "driver": class["driver"],
		"source":            map[string]any{"volumeHandle": v.Name()},
		"volumeSnapshotRef": map[string]any{"namespace": o.Namespace(), "name": o.Name()}})
	content["status"] = map[string]any{"snapshotHandle": handle, "readyToUse": false}
	if err := put(ctx, api, content); err != nil {
		return err
	}
	s.Taken++
	s.data[handle] = v.Annotations()[AnnotationData]
	return nil
}

// claim has the volume made of a claim that names a snapshot.
func (s *Storage) claim(ctx context.Context, api kube.API, o kube.Object) error {
	of := kube.Nested(o, "spec", "dataSource")
	if of["kind"] != "VolumeSnapshot" || kube.StringOf(kube.MapOf(o["spec"])["volumeName"]) != "" {
		return nil
	}
	snapshot, err := find(ctx, api, snapshotAPI, "VolumeSnapshot", o.Namespace(), kube.StringOf(of["name"]))
	if err != nil || kube.MapOf(snapshot["status"])["readyToUse"] != true {
		return err
	}
	content, err := find(ctx, api, snapshotAPI, "VolumeSnapshotContent", "", kube.StringOf(kube.MapOf(snapshot["status"])["boundVolumeSnapshotContentName"]))
	if err != nil {
		return err
	}
	data, there := s.data[kube.StringOf(kube.MapOf(content["status"])["snapshotHandle"])]
	if !there {
		return nil
	}
	spec := kube.MapOf(o["spec"])
	v := kube.NewObject("v1", "PersistentVolume", "", "pv-"+o.Namespace()+"-"+o.Name(), map[string]any{
		"csi":         map[string]any{"driver": kube.MapOf(content["spec"])["driver"]},
		"claimRef":    map[string]any{"apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": o.Namespace(), "name": o.Name()},
		"accessModes": spec["accessModes"], "storageClassName": spec["storageClassName"],
		"capacity": map[string]any{"storage": "1Gi"}, "persistentVolumeReclaimPolicy": "Delete",
	}).Marked("", nil, map[string]string{AnnotationData: data})
	if err := put(ctx, api, v); err != nil {
		return err
	}
	o = o.Clone()
	kube.MapOf(o["spec"])["volumeName"] = v.Name()
	if err := put(ctx, api, o); err != nil {
		return err
	}
	s.Made++
	return nil
}
