package ec2

import (
	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
)

var volumeKind = Kind{
	Name: "volume", Prefix: "vol-", id: "volumeId", set: "volumeSet", absent: "InvalidVolume.NotFound",
	filters: map[string]string{"status": "status", "availability-zone": "availabilityZone", "size": "size"},
}

func (q *request) createVolume() (doc, error) {
	zone := core.Text(q.Params, "AvailabilityZone")
	if zone == "" {
		return nil, core.Fail("MissingParameter", "The request must contain the parameter AvailabilityZone")
	}
	if t, err := q.repeated(&volumeKind); t != nil || err != nil {
		return show(t), err
	}
	size, _ := core.Whole(q.Params, "Size")
	t := q.make(&volumeKind, doc{"availabilityZone": zone, "size": size, "volumeType": "gp3", "status": "available", "createTime": core.Stamp(q.Now), "attachmentSet": []any{}}, q.asked)
	return show(t), nil
}

func (q *request) deleteVolume() (doc, error) {
	t, err := q.find(&volumeKind)
	if err != nil {
		return nil, err
	}
	if t.Text("status") == "in-use" {
		return nil, core.Fail("VolumeInUse", "Volume %s is currently attached", t.Name)
	}
	q.Drop(t)
	return doc{"return": true}, nil
}
