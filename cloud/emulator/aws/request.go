package aws

import (
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/aeriehq/aerie/cloud/emulator"
	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
	"github.com/aeriehq/aerie/cloud/emulator/aws/ec2"
	"github.com/aeriehq/aerie/cloud/emulator/aws/eks"
	"github.com/aeriehq/aerie/cloud/emulator/aws/elb"
	"github.com/aeriehq/aerie/cloud/emulator/aws/iam"
	"github.com/aeriehq/aerie/cloud/emulator/aws/kms"
	"github.com/aeriehq/aerie/cloud/emulator/aws/sts"
)

// doc is a document in the words of the wire.
type doc = core.Doc

// wire is a request as it came.
type wire struct {
	http      *http.Request
	body      []byte
	sig       signature
	presigned bool
	id        string
	service   string
	op        string
	run       core.Operation
	in        doc
	bad       *core.Failure // why it is none
}

// answer is what a request comes to.
type answer struct {
	out  doc
	bad  *core.Failure
	lost bool
}

// maxBody is more than any request of these services has.
const maxBody = 4 << 20

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if id, path, ok := clusterPath(r.URL.Path); ok {
		s.serveCluster(w, r, id, path)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	q := readWire(r, body)
	var a answer
	err = s.Do(emulator.Record{ID: q.id, Service: q.service, Op: q.op,
		Region: q.sig.region, Name: subject(q.in)}, func(c *emulator.Call) emulator.Outcome {
		a = s.answer(c, q)
		return a.outcome()
	})
	switch {
	case err != nil:
		s.logger.Error("the emulated cloud", "error", err)
		http.Error(w, err.Error(), http.StatusInternalServerError)
	case a.lost:
		panic(http.ErrAbortHandler) // cuts the connection
	default:
		q.write(w, a)
	}
}

func (a answer) outcome() emulator.Outcome {
	if a.bad != nil {
		return emulator.Outcome{Status: a.bad.Status, Code: a.bad.Code, Message: a.bad.Message, Lost: a.lost}
	}
	return emulator.Outcome{Status: http.StatusOK, Lost: a.lost}
}

func readWire(r *http.Request, body []byte) *wire {
	q := &wire{http: r, body: body, id: core.RequestID(), service: "sts", in: doc{}}
	var err error
	if q.presigned = r.URL.Query().Has("X-Amz-Signature"); q.presigned {
		q.sig, err = readPresigned(r.URL.Query())
	} else {
		q.sig, err = readSignature(r)
	}
	if err != nil {
		q.bad = core.Fail(core.Wording["sts"].Unsigned, "%v", err)
		return q
	}
	q.service = q.sig.service
	switch q.service {
	case "eks":
		q.bad = q.route()
	case "kms":
		q.bad = q.target()
	case "ec2", "iam", "sts", "elasticloadbalancing":
		q.bad = q.form()
	default:
		q.service = "sts"
		q.bad = core.Fail(core.Wording["sts"].NoAction, "there is no service %s here", q.sig.service)
	}
	return q
}

// services are all that there are.
var services = map[string]core.Service{"ec2": ec2.Service, "eks": eks.Service, "iam": iam.Service, "sts": sts.Service, "elasticloadbalancing": elb.Service, "kms": kms.Service}

// form reads a Query protocol's request.
func (q *wire) form() *core.Failure {
	body := string(q.body)
	if q.http.Method == http.MethodGet {
		body = q.http.URL.RawQuery
	}
	in, err := core.ParseQuery(body)
	if err != nil {
		return core.Fail("InvalidParameterValue", "%v", err)
	}
	q.in, q.op = in, core.Text(in, "Action")
	if q.run = services[q.service].Actions[q.op]; q.run == nil {
		return core.Fail(core.Wording[q.service].NoAction, "The action %s is not valid for this web service.", q.op)
	}
	return nil
}

// target reads a request of AWS' JSON protocol, which names its operation in a header.
func (q *wire) target() *core.Failure {
	_, q.op, _ = strings.Cut(q.http.Header.Get("X-Amz-Target"), ".")
	if q.run = services[q.service].Actions[q.op]; q.run == nil {
		return core.Fail(core.Wording[q.service].NoAction, "there is no %s here", q.op)
	}
	return q.parameters(nil)
}

// subjects are the parameters that say what a call is about, outermost first.
var subjects = []string{
	"clusterName", "name", "nodegroupName", "addonName", "principalArn", "associationId", "resourceArn", "RoleName", "RoleArn", "PolicyName",
	"OpenIDConnectProviderArn", "Url", "VpcId", "SubnetId", "InternetGatewayId", "NatGatewayId", "RouteTableId", "GroupId", "AllocationId", "NetworkInterfaceId",
	"VolumeId", "LoadBalancerName", "LoadBalancerArn", "TargetGroupArn", "KeyId",
}

// subject is what a call is about, as the ledger and the faults name it.
func subject(in doc) string {
	var parts []string
	for _, field := range subjects {
		if s := core.Text(in, field); s != "" {
			parts = append(parts, s)
		} else if all := core.Texts(in, field); len(all) > 0 {
			parts = append(parts, strings.Join(all, ","))
		}
	}
	if name := core.SpecifiedTags(in)["Name"]; name != "" {
		parts = append(parts, name)
	}
	return strings.Join(parts, "/")
}

// answer decides a request.
func (s *Server) answer(c *emulator.Call, q *wire) (a answer) {
	s.watched.Look()
	r, f := s.request(c, q)
	if f != nil {
		return answer{bad: f}
	}
	if f, hit := c.Strike(emulator.Calling); hit {
		if f.Cut {
			return answer{bad: core.Fail("Cut", "the connection was cut before anything was done"), lost: true}
		}
		return answer{bad: core.FromFault(q.service, f)}
	}
	if f := r.May(services[q.service].Rights(r)); f != nil {
		return answer{bad: f}
	}
	if !core.OnlyLooks(q.op) {
		c.Strike(emulator.Changing)
	}
	var err error
	if a.out, err = q.run(r); err != nil {
		return answer{bad: failureOf(q.service, err)}
	}
	if _, hit := c.Strike(emulator.Answering); hit {
		a.lost = true
	}
	return a
}

func failureOf(service string, err error) *core.Failure {
	var f *core.Failure
	if errors.As(err, &f) {
		return f
	}
	return core.Fail(core.Wording[service].Internal, "%v", err)
}

// write sends an answer in the service's protocol.
func (q *wire) write(w http.ResponseWriter, a answer) {
	w.Header().Set("X-Amzn-Requestid", q.id)
	status := http.StatusOK
	if a.bad != nil {
		status = a.bad.Status
	}
	if a.bad != nil && a.bad.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(a.bad.RetryAfter.Seconds()))))
	}
	if q.service != "eks" && q.service != "kms" {
		w.Header().Set("Content-Type", "text/xml;charset=UTF-8")
		w.WriteHeader(status)
		if a.bad != nil {
			_, _ = io.WriteString(w, queryRefusal(q.service, q.id, a.bad))
		} else {
			_, _ = io.WriteString(w, queryAnswer(q.service, q.op, q.id, a.out))
		}
		return
	}
	out := a.out
	if a.bad != nil {
		w.Header().Set("X-Amzn-Errortype", a.bad.Code)
		out = doc{"__type": a.bad.Code, "message": a.bad.Message}
		for k, v := range a.bad.Fields {
			out[k] = v
		}
	} else if out == nil {
		out = doc{}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(out) // a client that is gone is no concern of ours
}
