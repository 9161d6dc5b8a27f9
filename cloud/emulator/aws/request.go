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
)

// wire is a request as it came.
type wire struct {
	http      *http.Request
	body      []byte
	sig       signature
	presigned bool
	id        string
	service   string
	operation
	in  doc
	bad *failure // why it is none
}

// operation is one that a service has.
type operation struct {
	op  string
	run func(*request) (doc, error)
}

// request is one call of an operation.
type request struct {
	*emulator.Call
	*wire
	server *Server
	caller principal
}

// answer is what a request comes to.
type answer struct {
	out  doc
	bad  *failure
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
		return emulator.Outcome{Status: a.bad.status, Code: a.bad.code, Message: a.bad.message, Lost: a.lost}
	}
	return emulator.Outcome{Status: http.StatusOK, Lost: a.lost}
}

func readWire(r *http.Request, body []byte) *wire {
	q := &wire{http: r, body: body, id: requestID(), service: "sts", in: doc{}}
	var err error
	if q.presigned = r.URL.Query().Has("X-Amz-Signature"); q.presigned {
		q.sig, err = readPresigned(r.URL.Query())
	} else {
		q.sig, err = readSignature(r)
	}
	if err != nil {
		q.bad = fail(saying["sts"].unsigned, "%v", err)
		return q
	}
	q.service = q.sig.service
	switch q.service {
	case "eks":
		q.bad = q.route()
	case "ec2", "iam", "sts", "elasticloadbalancing":
		q.bad = q.form()
	default:
		q.service = "sts"
		q.bad = fail(saying["sts"].noAction, "there is no service %s here", q.sig.service)
	}
	return q
}

func requestID() string {
	h := random(32)
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}

var actions = map[string]map[string]func(*request) (doc, error){"ec2": ec2Actions, "iam": iamActions, "sts": stsActions, "elasticloadbalancing": balancerActions}

// form reads a Query protocol's request.
func (q *wire) form() *failure {
	body := string(q.body)
	if q.http.Method == http.MethodGet {
		body = q.http.URL.RawQuery
	}
	in, err := parseQuery(body)
	if err != nil {
		return fail("InvalidParameterValue", "%v", err)
	}
	q.in, q.op = in, text(in, "Action")
	if q.run = actions[q.service][q.op]; q.run == nil {
		return fail(saying[q.service].noAction, "The action %s is not valid for this web service.", q.op)
	}
	return nil
}

// subjects are the parameters that say what a call is about, outermost first.
var subjects = []string{
	"clusterName", "name", "nodegroupName", "addonName", "principalArn", "associationId", "resourceArn", "RoleName", "RoleArn", "PolicyName",
	"OpenIDConnectProviderArn", "Url", "VpcId", "SubnetId", "InternetGatewayId", "NatGatewayId", "RouteTableId", "GroupId", "AllocationId", "NetworkInterfaceId",
	"VolumeId", "LoadBalancerName", "LoadBalancerArn", "TargetGroupArn",
}

// subject is what a call is about, as the ledger and the faults name it.
func subject(in doc) string {
	var parts []string
	for _, field := range subjects {
		if s := text(in, field); s != "" {
			parts = append(parts, s)
		} else if all := texts(in, field); len(all) > 0 {
			parts = append(parts, strings.Join(all, ","))
		}
	}
	if name := specifiedTags(in)["Name"]; name != "" {
		parts = append(parts, name)
	}
	return strings.Join(parts, "/")
}

// answer decides a request.
func (s *Server) answer(c *emulator.Call, q *wire) (a answer) {
	s.watched.Look()
	r := &request{Call: c, wire: q, server: s}
	if f := r.begin(); f != nil {
		return answer{bad: f}
	}
	if f, hit := c.Strike(emulator.Calling); hit {
		if f.Cut {
			return answer{bad: fail("Cut", "the connection was cut before anything was done"), lost: true}
		}
		return answer{bad: struck(q.service, f)}
	}
	if f := r.may(); f != nil {
		return answer{bad: f}
	}
	if !onlyLooks(q.op) {
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

func failureOf(service string, err error) *failure {
	var f *failure
	if errors.As(err, &f) {
		return f
	}
	return fail(saying[service].internal, "%v", err)
}

func onlyLooks(op string) bool {
	for _, verb := range []string{"Describe", "List", "Get", "Simulate", "Assume"} {
		if strings.HasPrefix(op, verb) {
			return true
		}
	}
	return false
}

// begin finds out who calls.
func (r *request) begin() *failure {
	if r.bad != nil {
		return r.bad
	}
	var f *failure
	if r.caller, f = r.server.who(r.Call, r.wire); f != nil {
		return f
	}
	r.Account, r.Caller, r.Home = r.caller.account, r.caller.arn, r.caller.home
	return nil
}

// write sends an answer in the service's protocol.
func (q *wire) write(w http.ResponseWriter, a answer) {
	w.Header().Set("X-Amzn-Requestid", q.id)
	status := http.StatusOK
	if a.bad != nil {
		status = a.bad.status
	}
	if a.bad != nil && a.bad.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(a.bad.retryAfter.Seconds()))))
	}
	if q.service != "eks" {
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
		w.Header().Set("X-Amzn-Errortype", a.bad.code)
		out = doc{"__type": a.bad.code, "message": a.bad.message}
		for k, v := range a.bad.fields {
			out[k] = v
		}
	} else if out == nil {
		out = doc{}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(out) // a client that is gone is no concern of ours
}
