# Everything here needs Go, git and make alone. `sudo make setup` installs what
# more a machine can do with.

GO            ?= go
BIN           := $(CURDIR)/bin
KUBERNETES    := $(BIN)/kubernetes
LINT_VERSION  := v2.15.0
NODES         ?= 3

# Kubernetes' libraries insist on a version that begins with v and three numbers.
VERSION  ?= $(shell git describe --tags --match 'v[0-9]*' --dirty 2>/dev/null || echo v0.0.0-$$(git rev-parse --short HEAD 2>/dev/null || echo unknown))
LDFLAGS  := -s -w -X k8s.io/component-base/version.gitVersion=$(VERSION) -X github.com/kube-aliyun/kube-aliyun/pkg/flexvolume.Version=$(VERSION)

# The race detector needs a C compiler; without one the tests run without it and say so.
HAVE_CC := $(shell command -v gcc >/dev/null 2>&1 && echo yes)
RACE    := $(if $(HAVE_CC),-race,)
TESTENV := CGO_ENABLED=$(if $(HAVE_CC),1,0) KUBEBUILDER_ASSETS=$(KUBERNETES)

.PHONY: help
help: ## Show what can be made.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build the programs into bin/.
	CGO_ENABLED=0 $(GO) build -ldflags "$(LDFLAGS)" -o $(BIN)/ ./cmd/...

ARCH  ?= $(shell $(GO) env GOARCH)
IMAGE ?= localhost/kube-aliyun/aliyun-controller

.PHONY: image
image: ## Build bin/aliyun-controller.tar, the image, without a container engine (ARCH=amd64|arm64 IMAGE=name LAYOUT=folder).
	CGO_ENABLED=0 GOOS=linux GOARCH=$(ARCH) $(GO) build -trimpath -buildvcs=false -ldflags "$(LDFLAGS)" -o $(BIN)/image/$(ARCH)/ ./cmd/aliyun-controller ./cmd/aliyun-flexv
	@CGO_ENABLED=0 $(GO) run ./deploy/image/build --binary $(BIN)/image/$(ARCH)/aliyun-controller --driver $(BIN)/image/$(ARCH)/aliyun-flexv --arch $(ARCH) \
		--version "$(VERSION)" --name $(IMAGE) --archive $(BIN)/aliyun-controller.tar $(if $(LAYOUT),--layout $(LAYOUT))

.PHONY: image-hostroutes
image-hostroutes: ## Build bin/hostroutes.tar, the image of hostroutes (ARCH=amd64|arm64).
	CGO_ENABLED=0 GOOS=linux GOARCH=$(ARCH) $(GO) build -trimpath -buildvcs=false -ldflags "$(LDFLAGS)" -o $(BIN)/image/$(ARCH)/ ./cmd/hostroutes
	@CGO_ENABLED=0 $(GO) run ./deploy/image/build --program hostroutes --binary $(BIN)/image/$(ARCH)/hostroutes --arch $(ARCH) \
		--version "$(VERSION)" --name localhost/kube-aliyun/hostroutes --archive $(BIN)/hostroutes.tar

.PHONY: kubernetes
kubernetes: ## Build etcd and Kubernetes v1.37.2 into bin/kubernetes (minutes the first time).
	@test/kubernetes/build.sh $(KUBERNETES)

.PHONY: cloud-init
cloud-init: ## Unpack Debian's cloud-init into bin/cloud-init, for the tests of user-data.
	@test/cloudinit/unpack.sh $(BIN)/cloud-init

.PHONY: test
test: kubernetes ## Run all tests but the long ones.
	@test -n "$(HAVE_CC)" || echo "note: no C compiler, so the race detector is off; 'sudo make setup' installs one"
	$(TESTENV) $(GO) test $(RACE) -timeout 20m $$($(GO) list ./... | grep -v '/test/\(bootstrap\|cluster\|integration\|hostroutes\|chaos\|scale\|e2e\)')
	@echo "the rest starts control planes, one at a time"
	$(TESTENV) $(GO) test $(RACE) -timeout 20m -p 1 ./test/cluster/... ./test/integration/... ./test/hostroutes/... ./test/scale/... ./test/chaos/...

# Fourteen targets, about a minute in all beside what is to be built.
FUZZTIME ?= 5
.PHONY: fuzz
fuzz: ## Fuzz all parsers and the planner (FUZZTIME=seconds for each).
	CGO_ENABLED=0 GO=$(GO) test/fuzz.sh $(FUZZTIME)

.PHONY: e2e
e2e: kubernetes ## Run traffic through real servers and load balancers (takes root and 'sudo make setup').
	$(TESTENV) $(GO) test $(RACE) -timeout 30m -v ./test/e2e/...

.PHONY: e2e-bootstrap
e2e-bootstrap: kubernetes ## Make a cluster of bare servers, and kill them one by one (takes root and 'sudo make setup').
	$(TESTENV) $(GO) test $(RACE) -timeout 30m -count=1 -v ./test/bootstrap/...

# The core of it, two to three minutes: cold start in any order, Pods and Services,
# one master dies, a server joins with a token. The race detector would make the
# images of Kubernetes take minutes.
.PHONY: e2e-bootstrap-core
e2e-bootstrap-core: kubernetes ## The part of e2e-bootstrap that each change is tested with.
	CGO_ENABLED=0 KUBEBUILDER_ASSETS=$(KUBERNETES) $(GO) test -timeout 10m -count=1 -v -run 'R16|R18/10.99.0.21|R20|R22|R26|JoinsWithAToken' ./test/bootstrap

.PHONY: lint
lint: $(BIN)/golangci-lint-$(LINT_VERSION) ## Run the linters.
	CGO_ENABLED=0 $(BIN)/golangci-lint-$(LINT_VERSION) run

$(BIN)/golangci-lint-$(LINT_VERSION):
	@echo "building golangci-lint $(LINT_VERSION), about a minute"
	GOBIN=$(BIN)/.lint CGO_ENABLED=0 $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)
	mv $(BIN)/.lint/golangci-lint $@

.PHONY: generate
generate: ## Write the generated reference pages again.
	$(GO) generate ./...

.PHONY: up
up: build kubernetes ## Start a cluster, a region and the controller, and leave them running (NODES=n).
	@CGO_ENABLED=0 $(GO) run ./test/environment up --nodes $(NODES)

.PHONY: down
down: ## Stop what `make up` started and remove its traces.
	@CGO_ENABLED=0 $(GO) run ./test/environment down

.PHONY: demo
demo: build kubernetes ## A guided tour that fails if anything is not as told.
	@CGO_ENABLED=0 $(GO) run ./test/environment demo

.PHONY: bench
bench: build kubernetes ## Print call counts and times beside the naive path.
	$(TESTENV) $(GO) test -tags bench -timeout 60m -count=1 -v -run '^TestBench' ./test/scale/...

# FOCUS is a regular expression of the specs to run, where not all are wanted.
.PHONY: upstream
upstream: kubernetes upstream-suite ## Kubernetes' own load balancer specs, unmodified (takes root and 'sudo make setup').
	$(TESTENV) KUBE_ALIYUN_UPSTREAM_FOCUS='$(FOCUS)' $(GO) test $(RACE) -timeout 100m -count=1 -tags nightly -v ./test/upstream

.PHONY: upstream-suite
upstream-suite:
	@test/upstream/suite/build.sh $(BIN)/upstream

.PHONY: nightly
nightly: build kubernetes upstream-suite ## The long tests: chaos at every call, many rounds, Kubernetes' own specs.
	$(TESTENV) $(GO) test $(RACE) -timeout 180m -p 1 -count=1 -tags nightly ./test/... ./pkg/hostroutes ./pkg/loadbalancer

# With these a region's servers, network and load balancers are real; without
# them, or without root, what needs them says so and is left out.
REAL := containerd runc containernetworking-plugins nftables conntrack iptables iproute2 kmod e2fsprogs xfsprogs util-linux mount
# What upstream puts into the image of its Pods.
UPSTREAM := curl netcat-openbsd wget

.PHONY: setup
setup: ## Install what Debian can add: a C compiler (race detector), Node.js (an API client), containers.
	apt-get update
	apt-get install -y --no-install-recommends gcc libc6-dev nodejs npm $(REAL) $(UPSTREAM)
	test/cloudinit/unpack.sh $(BIN)/cloud-init
	# A node takes up to 9 of these, a control plane 17, of the 128 that are usual.
	sysctl -q -w fs.inotify.max_user_instances=1024 || echo "more than five real nodes at once may fail: fs.inotify.max_user_instances is small"
