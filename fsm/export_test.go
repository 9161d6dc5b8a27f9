package fsm

// What the external tests look at.
const MaxNamespace = maxNamespace

var AllActive = allActive
var NodePools = nodePools
