# Everything here needs Go, git and make, and nothing else.

GO      ?= go

# Everything is compiled as the program is, without C and without this directory's name: vet and tests find in the cache what the
# build has made, and so does another clone. Only the race detector needs C.
export CGO_ENABLED = 0
export GOFLAGS := $(strip $(filter-out -trimpath,$(GOFLAGS)) -trimpath)

# A clone without tags says its commit and the commit's date.
DESCRIBED := $(shell git describe --tags --match 'v[0-9]*' --dirty 2>/dev/null || git log -1 --format=v0.0.0-dev.%cd+%h --date=format:%Y%m%d%H%M%S 2>/dev/null)
LDFLAGS := -s -w -X github.com/aeriehq/aerie/internal/server.described=$(DESCRIBED)

# Without a C compiler there is no race detector; the product never needs one.
CC_FOUND := $(shell command -v $$($(GO) env CC) 2>/dev/null)
RACE := $(if $(CC_FOUND),yes)

# Many packages' tests wait for the disk, a clock or other processes: twice as many at once as there are processors.
AT_ONCE := -p $(shell echo $$((2 * $$(getconf _NPROCESSORS_ONLN))))

.PHONY: build demo test test-race test-extra test-kube soak soak-replicas soak-release soak-kube conformance-aws fuzz idle generate check bench-pair clean

build: ## the binary, bin/aerie, and beside it bin/aerie-helm, which it starts for Helm charts
	@mkdir -p bin
	@GO='$(GO)' scripts/build bin/aerie ./cmd/aerie -ldflags '$(LDFLAGS)'
	@cd cmd/aerie-helm && GO='$(GO)' ../../scripts/build ../../bin/aerie-helm . -ldflags '-s -w'

demo: build ## a whole control plane with tenants; DEMO_EXIT=1 ends it when they are Active
	@bin/aerie demo deploy/offers/shared $(if $(DEMO_EXIT),--exit)

test: build ## every test without the race detector, but for those of test-kube
	@$(if $(KUBERIG_BIN),,echo "no test on a real Kubernetes is run here: make test-kube does")
	$(GO) test $(TESTFLAGS) $(AT_ONCE) -timeout 25m ./...
	cd cmd/aerie-helm && $(GO) test $(TESTFLAGS) ./...

# The packages whose goroutines share memory, and the program itself, killed and started again.
RACED := ./events/queue ./events/eventlog/... ./projections/... ./workers/... ./internal/server

test-race: build ## the same with the race detector: what shares memory, with few seeds
	@$(if $(RACE),,echo "no C compiler: nothing is run with the race detector")
	$(if $(RACE),CGO_ENABLED=1 $(GO) test $(TESTFLAGS) $(AT_ONCE) -race -short -timeout 25m $(RACED))
	$(if $(RACE),CGO_ENABLED=1 $(GO) build -race -o bin/aerie-race ./cmd/aerie)
	$(if $(RACE),AERIE_BIN="$(CURDIR)/bin/aerie-race" $(GO) test $(TESTFLAGS) -timeout 25m ./test/process -run '^(TestDemo|TestKilledServerEndsTheSame|TestEitherReplicaIsKilled)$$')

# Where .ci/setup installs tools of others.
export AERIE_TOOLS ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/aerie-tools

test-extra: build ## agents behind NAT and proxies, in networks that only root makes; metrics, API documents and NATS by promtool, redocly, spectral, asyncapi's parser, oapi-codegen and the nats CLI, which .ci/setup installs; logins at zitadel/oidc's provider; and all pages' commands
	AERIE_EXTRA=1 $(GO) test $(TESTFLAGS) -count=1 -timeout 10m ./test/extra
	cd test/oidc && AERIE_EXTRA=1 $(GO) test $(TESTFLAGS) -count=1 -timeout 10m ./...
	AERIE_EXTRA=1 PATH="$(AERIE_TOOLS)/bin:$$PATH" $(GO) test $(TESTFLAGS) -count=1 -timeout 10m ./test/process -run '^TestPages$$'

test-kube: build ## the tests that need a real Kubernetes; it is built from source where there is none yet
	KUBERIG_BIN="$$(sh test/kube/rig/build.sh)" && export KUBERIG_BIN AERIE_HELM="$(CURDIR)/bin/aerie-helm" && $(GO) test $(TESTFLAGS) -count=1 -parallel 4 -timeout 20m ./test/kube/...

# Soaks leave out nothing and have no end of time: internal/testbudget.
SOAK = AERIE_TESTS=soak $(GO) test -timeout 0

soak: build ## all of what internal/testbudget knows, but for replicas and Kubernetes: SEEDS lives of each sort, the provider and the program killed at each call to AWS, the program KILLS times at random, each error
	$(SOAK) ./test/sim -run '^TestSimulat' -v $(if $(SEEDS),-seeds $(SEEDS))
	$(SOAK) ./cloud/aws -run '^TestKilledAtEachCall$$'
	$(SOAK) ./test/process -run '^TestKilledAtEachCallToAWS$$' -v
	$(SOAK) ./test/process -run '^TestKilledOnAWS$$' -v $(if $(KILLS),-aws-kills $(KILLS))
	$(SOAK) ./test/process -run '^TestErrorsOfAWS$$'

conformance-aws: ## the conformance suite on a real account of AWS: says what it makes and costs, and asks for a variable
	@AERIE_CONFORMANCE_AWS_PLAN=1 $(GO) test -count=1 -timeout 0 ./cloud/aws -run '^TestRealAccount$$' -v

soak-replicas: build ## the log's leader killed KILLS times, and outages of OUTAGE each
	$(SOAK) ./workers/command -run '^TestLeaderKilled$$' -v $(if $(KILLS),-kills $(KILLS))
	$(GO) test -timeout 0 ./test/process -run '^(TestFullDisk|TestStartOnFullDisk|TestStoreRemoved|TestStoreReadOnly|TestFullServer|TestConnectionCut|TestReadyWithAMajority|TestStartWithoutConsumers|TestDamagedServerIsNamed)$$' -v -outage $${OUTAGE:-1m}

soak-release: build ## a replica and an agent of the release before, the program OLD, beside this
	$(GO) test -timeout 0 ./test/process -run '^(TestBesideTheReleaseBefore|TestAnAgentOfTheReleaseBefore)$$' -v -old $(OLD)

soak-kube: build ## on a real Kubernetes: each operation on a release killed KILLS times, an outage of OUTAGE, TENANTS beside two bad charts, and twenty beside twenty that hang
	KUBERIG_BIN="$$(sh test/kube/rig/build.sh)" && export KUBERIG_BIN AERIE_HELM="$(CURDIR)/bin/aerie-helm" && $(SOAK) ./test/kube -run '^(TestKilledAtAnyWrite|TestControlPlaneKilled|TestATenantChangesClusters|TestOutage)$$' -v $(if $(KILLS),-kills $(KILLS)) -outage $${OUTAGE:-1m}
	KUBERIG_BIN="$$(sh test/kube/rig/build.sh)" && export KUBERIG_BIN AERIE_HELM="$(CURDIR)/bin/aerie-helm" && $(GO) test -timeout 0 ./test/kube -run '^TestTwoBadCharts$$' -v -tenants $${TENANTS:-200} && $(GO) test -timeout 0 ./test/kube -run '^TestManyHangingCharts$$' -v -hanging 20

check: ## gofmt, vet, staticcheck
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$unformatted" || { echo "not gofmt-ed:"; echo "$$unformatted"; exit 1; }
	$(GO) vet ./...
	cd cmd/aerie-helm && $(GO) vet ./...
	$(GO) tool staticcheck ./...

generate: ## the generated pages of docs/
	$(GO) test ./internal/docgen ./projections/metrics -update

fuzz: build ## every fuzz test for FUZZTIME each
	@for t in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$t | grep '^Fuzz'); do \
	    echo "$$t $$f"; $(GO) test $$t -run '^$$' -fuzz "^$$f$$" -fuzztime $${FUZZTIME:-10s} || exit 1; done; done

idle: build ## what an idle control plane costs, a minute after the shared offer is Active
	@scripts/idle

bench-pair: build ## bin/aerie beside the binary OLD, in turns: ROUNDS (7) pairs of each benchmark
	@scripts/bench-pair $(OLD)

clean:
	rm -rf bin
