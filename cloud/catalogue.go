package cloud

import "time"

// Catalogue is what a cloud has in a scope. What is empty is not known, because the cloud does not say it, or not to us.
type Catalogue struct {
	Versions []Version          // of Kubernetes that a cluster can be made with or brought to, oldest first
	Addons   map[Addon][]string // the versions of add-ons; one that is built in has none
	Machines []string           // machine types, by all names that a PoolSpec may have for them
}

// Version is a version of Kubernetes.
type Version struct {
	Name  string    // such as 1.36
	Until time.Time // when it is supported no longer; zero: the cloud does not say
}
