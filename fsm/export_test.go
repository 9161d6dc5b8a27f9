package fsm

// What the external tests look at.
const MaxNamespace = maxNamespace

var AllActive = allActive
var NodePools = nodePools

// WorkWords are what tests read for the names of effects.
var WorkWords = workWords
