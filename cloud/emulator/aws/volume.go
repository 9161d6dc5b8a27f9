package aws

var volumeKind = ec2Kind{
	kind: "volume", prefix: "vol-", id: "volumeId", set: "volumeSet", absent: "InvalidVolume.NotFound",
	filters: map[string]string{"status": "status", "availability-zone": "availabilityZone", "size": "size"},
}

func (q *request) createVolume() (doc, error) {
	zone := text(q.in, "AvailabilityZone")
	if zone == "" {
		return nil, fail("MissingParameter", "The request must contain the parameter AvailabilityZone")
	}
	if t, err := q.repeated(&volumeKind); t != nil || err != nil {
		return show(t), err
	}
	size, _ := whole(q.in, "Size")
	t := q.make(&volumeKind, doc{"availabilityZone": zone, "size": size, "volumeType": "gp3", "status": "available", "createTime": stamp(q.Now), "attachmentSet": []any{}}, q.asked)
	return show(t), nil
}

func (q *request) deleteVolume() (doc, error) {
	t, err := q.find(&volumeKind)
	if err != nil {
		return nil, err
	}
	if t.Text("status") == "in-use" {
		return nil, fail("VolumeInUse", "Volume %s is currently attached", t.Name)
	}
	q.Drop(t)
	return doc{"return": true}, nil
}
