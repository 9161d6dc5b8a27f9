// Package permit has every call to AWS that makes something ask first whether it may, and every
// call that has changed something tell it.
//
// It makes no calls and counts nothing: cloud.Permit is who counts. Begin with Middleware and
// Changes, which a client of the SDK is given. Nothing is kept, so it may be used from any goroutine at once and
// nothing has to hold after a crash.
package permit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"reflect"
	"strings"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"

	"github.com/aeriehq/aerie/cloud"
	"github.com/aeriehq/aerie/cloud/aws/awserr"
)

// Middleware asks before each call that makes something, whatever it is and wherever in the provider it is made.
func Middleware(s *middleware.Stack) error {
	ask := func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (
		out middleware.InitializeOutput, md middleware.Metadata, err error) {
		op := awsmiddleware.GetOperationName(ctx)
		if !makes(op) {
			return next.HandleInitialize(ctx, in)
		}
		ended, err := cloud.MayCreate(ctx, op+" "+nameOf(in.Parameters))
		if err != nil {
			return out, md, err
		}
		out, md, err = next.HandleInitialize(ctx, in)
		ended(madeID(reflect.ValueOf(out.Result), 2), awserr.Of(op, err))
		return out, md, err
	}
	return s.Initialize.Add(middleware.InitializeMiddlewareFunc("aerie.permitted", ask), middleware.After)
}

// makes tells whether an operation makes something. Tags and routes are properties of what is there.
func makes(op string) bool {
	switch op {
	case "CreateTags", "CreateRoute":
		return false
	}
	return strings.HasPrefix(op, "Create") || strings.HasPrefix(op, "Allocate")
}

// names are the fields that name what is made, and ids those by which the answer does. An input that has none of the
// names is told from others by all that is in it but its token.
var (
	names  = []string{"RoleName", "NodegroupName", "AddonName", "PrincipalArn", "Url", "GroupName", "CidrBlock", "Name"}
	tokens = []string{"ClientToken", "ClientRequestToken"}
	ids    = []string{"VpcId", "SubnetId", "InternetGatewayId", "AllocationId", "NatGatewayId", "RouteTableId", "GroupId", "RoleName",
		"OpenIDConnectProviderArn", "NodegroupArn", "AddonArn", "AccessEntryArn", "AssociationArn", "LaunchTemplateId", "Arn"}
)

// nameOf names what a create's input asks for.
func nameOf(input any) string {
	v := reflect.Indirect(reflect.ValueOf(input))
	for _, field := range names {
		if s := stringIn(v, field); s != "" {
			return s
		}
	}
	whole := reflect.New(v.Type()).Elem()
	whole.Set(v)
	for _, field := range tokens {
		if f := whole.FieldByName(field); f.IsValid() {
			f.SetZero()
		}
	}
	data, err := json.Marshal(whole.Interface())
	if err != nil {
		return v.Type().Name() // all of one kind are counted together
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:4])
}

// madeID is the id in an answer, or in what it holds.
func madeID(v reflect.Value, depth int) string {
	v = reflect.Indirect(v)
	for v.Kind() == reflect.Interface {
		v = reflect.Indirect(v.Elem())
	}
	if v.Kind() != reflect.Struct {
		return ""
	}
	for _, field := range ids {
		if s := stringIn(v, field); s != "" {
			return s
		}
	}
	for i := 0; depth > 0 && i < v.NumField(); i++ {
		if v.Type().Field(i).IsExported() && v.Field(i).Kind() == reflect.Pointer {
			if s := madeID(v.Field(i), depth-1); s != "" {
				return s
			}
		}
	}
	return ""
}

func stringIn(v reflect.Value, field string) string {
	f := v.FieldByName(field)
	if f.Kind() == reflect.Pointer && f.Type().Elem().Kind() == reflect.String && !f.IsNil() {
		return f.Elem().String()
	}
	return ""
}
