package main

import (
	"errors"
	"fmt"
	"net"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/aeriehq/aerie/cloud/kube"
)

// fault is an error whose meaning for the caller is known.
func fault(code kube.Code, format string, a ...any) error {
	return &coded{code, fmt.Errorf(format, a...)}
}

type coded struct {
	code kube.Code
	error
}

// Unwrap is the cause.
func (c *coded) Unwrap() error { return c.error }

// codeOf says what an error of Helm means: what the cluster answered, that nobody answered, or that what was installed
// does not do what it should.
func codeOf(err error) kube.Code {
	var own *coded
	var status apierrors.APIStatus
	var network net.Error
	switch {
	case errors.As(err, &own):
		return own.code
	case errors.As(err, &status):
		return kube.AnswerCode(err)
	case errors.As(err, &network):
		return kube.Unavailable
	}
	return kube.Broken
}
