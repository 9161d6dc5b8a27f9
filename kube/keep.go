package kube

import "strings"

// annotationPolicy is Helm's annotation of what stays when its release no longer has it or is removed.
const annotationPolicy = "helm.sh/resource-policy"

// kept says whether an object stays though nobody wants it any more. Whoever installs under its application's name again
// gets it back.
func (o Object) kept() bool {
	return strings.ToLower(strings.TrimSpace(o.Annotations()[annotationPolicy])) == "keep"
}
