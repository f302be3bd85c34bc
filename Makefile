# Everything that people do here, by one name each. Each target says what it does, and fails if a step of it fails.

PYTHON  ?= python3
# Arguments of `make demo` and `make bench`, for example `--json summary.json`.
ARGS    ?=
# What `make demo` runs on: nothing but the program (embedded), or Kafka, Redis and S3 (real).
BACKENDS ?= embedded
# How long `make chaos` goes on.
CHAOS_SECONDS ?= 600
# How many rollouts `make chaos` carries out under kills, with and without Kubernetes.
CHAOS_ROLLOUTS ?= 50
# The profile of cargo of `make test-cluster`. `dev` shares most of a build with `make test`.
PROFILE ?= release
# How long `make fuzz` spends on each target.
SECONDS ?= 30

CARGO  := cargo
TARGET := $(or $(CARGO_TARGET_DIR),target)
# Where cargo puts the programs of the profile.
PROGRAMS := $(if $(filter dev,$(PROFILE)),debug,$(PROFILE))
# The same flags for every run of tests: with others, cargo chooses other features and compiles most of it again.
TESTS  := $(CARGO) test --workspace --locked --lib --bins --tests --no-fail-fast
FETCH  := $(PYTHON) tests/provision/fetch.py
FUZZ   := $(wildcard proto/fuzz services/*/fuzz services/lib/*/fuzz tests/fuzz)
say     = @printf '\n== %s\n' "$(1)"

SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS   += --no-builtin-rules
.DEFAULT_GOAL := help
.PHONY: help demo test node test-cluster test-node images lint bench bench-streams bench-inference bench-rollout bench-duel bench-predict bench-model abuse soak chaos fuzz deny onnxruntime movielens checker clients dvc gx mlflow perf-analyzer model-servers mlserver models backends servers headers h2load clean-cache

help: ## say what there is
	@grep -hE '^[a-z-]+:.* ## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.* ## /\1\t/' | expand -t 16

demo: headers onnxruntime movielens ## run the main job on MovieLens 100K (ARGS="--json PATH --keep", BACKENDS=real)
	$(call say,building the release binary)
	$(CARGO) build --release --locked -p marquee
ifeq ($(BACKENDS),real)
	@$(PYTHON) tests/servers/prepare.py kafka redis s3
	$(CARGO) build --release --locked -p marquee-e2e --bin with-servers
	$(call say,running the main job on Kafka Redis and S3)
	$(TARGET)/release/with-servers $(TARGET)/release/marquee demo --config deploy/kafka-redis-s3.toml $(ARGS)
else
	$(call say,running the main job)
	$(TARGET)/release/marquee demo $(ARGS)
endif

test: headers onnxruntime movielens checker clients dvc gx mlflow ## run all tests
	$(call say,preparing the servers that tests run)
	@$(PYTHON) tests/servers/prepare.py all || { [ "$${CI:-}" != true ] && echo "tests that want them are skipped"; }
	@$(FETCH) perf-analyzer || { [ "$${CI:-}" != true ] && echo "the test that wants it is skipped"; }
	$(call say,testing what provisions and what deploys and what measures)
	PYTHONDONTWRITEBYTECODE=1 $(PYTHON) -m unittest discover --start-directory tests/provision
	PYTHONDONTWRITEBYTECODE=1 $(PYTHON) -m unittest discover --start-directory tests/servers
	PYTHONDONTWRITEBYTECODE=1 $(PYTHON) -m unittest discover --start-directory tests/deploy
	PYTHONDONTWRITEBYTECODE=1 $(PYTHON) -m unittest discover --start-directory tests/cluster
	PYTHONDONTWRITEBYTECODE=1 $(PYTHON) -m unittest discover --start-directory tests/peers --pattern 'test_inference.py'
	$(call say,testing the workspace)
	python="$$($(FETCH) --where checker)"; clients="$$($(FETCH) --where clients)"; \
	    mlflow="$$($(FETCH) --where mlflow)"; dvc="$$($(FETCH) --where dvc)"; \
	    analyzer="$$($(FETCH) --where perf-analyzer || true)"; \
	    gx="$$($(FETCH) --where gx)"; MARQUEE_GX_PYTHON="$$gx" \
	    MARQUEE_PERF_ANALYZER="$$analyzer" MARQUEE_DVC_PYTHON="$$dvc" MARQUEE_PYTHON="$$python" MARQUEE_CLIENTS_PYTHON="$$clients" MARQUEE_MLFLOW_PYTHON="$$mlflow" $(TESTS)

node: headers onnxruntime movielens ## build what a node of Kubernetes is made of, and check the chart and the Terraform modules with their tools
	$(call say,preparing the programs of the node)
	@$(PYTHON) tests/servers/prepare.py cluster
	$(call say,checking the chart with Helm and the modules with OpenTofu)
	PYTHONDONTWRITEBYTECODE=1 $(PYTHON) tests/deploy/tools.py

test-cluster: node ## test the fleet on a real node of Kubernetes, as root (ARGS="load faults --json PATH --write-docs" PROFILE=dev)
	$(call say,building this release and the previous one)
	$(CARGO) build --profile $(PROFILE) --locked -p marquee -p marquee-operator -p marquee-e2e \
	    --bin marquee --bin marquee-operator --bin cluster-load
	@$(PYTHON) deploy/images/build.py --tag test --out $(TARGET)/cluster/images \
	    --binary marquee=$(TARGET)/$(PROGRAMS)/marquee --binary marquee-operator=$(TARGET)/$(PROGRAMS)/marquee-operator
	@$(PYTHON) tests/cluster/previous.py --target $(TARGET) --profile $(PROFILE)
	$(call say,testing the fleet on a node)
	PYTHONDONTWRITEBYTECODE=1 $(PYTHON) tests/cluster/scenario.py --target $(TARGET) --profile $(PROFILE) $(ARGS)

test-node: node ## test the fleet on a real node with the programs of `make test`, as root
	$(call say,testing the fleet on a node)
	MARQUEE_NODE=1 $(TESTS) upgrades_deleted_pods_evictions_and_scaling -- --nocapture

images: headers onnxruntime ## build the container images, without a daemon, into target/images (ARGS="--repository registry.example.com/shop --tag v2")
	$(call say,building the images)
	@$(PYTHON) deploy/images/build.py $(ARGS)

lint: headers ## check formatting, clippy and the documentation, all without a warning
	$(call say,checking the formatting)
	$(CARGO) fmt --all --check
	$(call say,running clippy)
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	$(call say,checking the documentation)
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --locked

bench: headers onnxruntime movielens ## measure import, training, prediction and learning (ARGS="--data PATH --json PATH")
	$(call say,measuring)
	$(CARGO) run --release --locked -p marquee-e2e --bin bench -- $(ARGS)

bench-streams: headers onnxruntime clients backends ## measure ingest, features and learning on Kafka and Redis beside their peers (ARGS="--only ingest,read --replay 1000000 --json PATH")
	$(call say,building)
	$(CARGO) build --release --locked -p marquee-kafka --example producer
	$(CARGO) build --release --locked -p marquee-e2e --bin bench-streams
	$(call say,measuring)
	MARQUEE_RAW_PRODUCER=$(TARGET)/release/examples/producer MARQUEE_CLIENTS_PYTHON="$$($(FETCH) --where clients)" $(TARGET)/release/bench-streams $(ARGS)

bench-inference: headers onnxruntime model-servers h2load ## measure inference beside Triton, MLServer and KServe on one model (ARGS="--only marquee,triton --in-flight 2,32 --seconds 3 --json PATH")
	@$(FETCH) mlserver perf-analyzer || echo "what could not be fetched is left out"
	$(call say,building)
	$(CARGO) build --release --locked -p marquee
	$(call say,measuring)
	PYTHONDONTWRITEBYTECODE=1 "$$($(FETCH) --where model-servers)" tests/peers/inference.py \
	    --marquee $(TARGET)/release/marquee --library "$$($(FETCH) --where onnxruntime)" \
	    --mlserver "$$($(FETCH) --where mlserver)" --perf-analyzer "$$($(FETCH) --where perf-analyzer || echo absent)" $(ARGS)

abuse: headers onnxruntime ## send a fleet what hostile and broken clients send, and compare the cost with the limits in the README
	$(call say,attacking a fleet on loopback)
	$(CARGO) run --release --locked -p marquee-e2e --bin abuse

bench-rollout: headers movielens ## simulate rollouts of equal and of worse versions on real ratings (ARGS="--rollouts 1000 --json PATH")
	$(call say,simulating rollouts)
	$(CARGO) run --release --locked -p marquee-e2e --bin bench-rollout -- $(ARGS)

bench-duel: headers onnxruntime movielens ## measure what the duel of two versions costs, and serving beside it (ARGS="--algorithm map --rounds 8 --json PATH")
	$(call say,measuring the duel)
	$(CARGO) run --release --locked -p marquee-e2e --bin bench-duel -- $(ARGS)

bench-predict: headers onnxruntime movielens ## measure predictions and recommendations from socket to socket (ARGS="--data PATH --keep FOLDER --only predict,mixed --json PATH")
	$(call say,building)
	$(CARGO) build --release --locked -p marquee
	$(CARGO) build --release --locked -p marquee-e2e --bin bench-predict
	$(call say,measuring)
	$(TARGET)/release/bench-predict --program $(TARGET)/release/marquee $(ARGS)

bench-model: onnxruntime movielens models ## measure the models beside their peers on the same folds (ARGS="--quick --only folds,scale --peers-long --json PATH")
	$(call say,building)
	$(CARGO) build --release --locked -p marquee-model-bench
	$(call say,testing the script of the peers)
	PYTHONDONTWRITEBYTECODE=1 "$$($(FETCH) --where models)" -W ignore -m unittest discover --start-directory tests/peers
	$(call say,measuring)
	MARQUEE_MODELS_PYTHON="$$($(FETCH) --where models)" MARQUEE_LIBMF="$$($(FETCH) --where libmf)" $(TARGET)/release/bench-model --charts $(TARGET)/bench-model $(ARGS)

soak: headers onnxruntime movielens ## kill a working fleet a hundred times
	$(call say,killing a fleet a hundred times)
	MARQUEE_KILLS=100 $(CARGO) test --locked -p marquee-e2e --test e2e crash -- --nocapture

chaos: headers onnxruntime servers clients ## kill, stop and restart processes and servers under load and during rollouts (CHAOS_SECONDS=600 CHAOS_ROLLOUTS=50)
	$(call say,two of each role on Kafka Redis and S3 under faults for $(CHAOS_SECONDS) s and $(CHAOS_ROLLOUTS) rollouts under kills)
	CI=true MARQUEE_CLIENTS_PYTHON="$$($(FETCH) --where clients)" MARQUEE_CHAOS_SECONDS=$(CHAOS_SECONDS) MARQUEE_CHAOS_ROLLOUTS=$(CHAOS_ROLLOUTS) \
	    $(CARGO) test --locked -p marquee-e2e --test e2e chaos -- --nocapture --test-threads=1

fuzz: ## fuzz every decoder (SECONDS=30 each; needs a nightly Rust and cargo-fuzz)
	$(call say,fuzzing each target for $(SECONDS) s)
	@$(CARGO) +nightly fuzz --version >/dev/null 2>&1 || { echo "error: run 'rustup toolchain install nightly' and 'cargo install cargo-fuzz --locked'" >&2; exit 1; }
	@for folder in $(FUZZ); do \
	    targets="$$($(CARGO) +nightly fuzz list --fuzz-dir "$$folder")"; \
	    for name in $$targets; do \
	        $(CARGO) +nightly fuzz run --fuzz-dir "$$folder" "$$name" -- -max_total_time=$(SECONDS); \
	    done; \
	done

deny: ## check licences, sources and advisories of the dependencies (needs cargo-deny)
	$(call say,checking the dependencies)
	@$(CARGO) deny --version >/dev/null 2>&1 || { echo "error: run 'cargo install cargo-deny --locked'" >&2; exit 1; }
	$(CARGO) deny --locked check

headers: ## look for OpenSSL's headers, which Kafka over TLS is built with; as root on Debian, install them
	@pkg-config --exists openssl 2>/dev/null \
	    || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get -q update \
	        && DEBIAN_FRONTEND=noninteractive apt-get -qy install --no-install-recommends libssl-dev pkg-config; } \
	    || { echo "error: OpenSSL's headers are missing: install them (Debian, Ubuntu: 'sudo apt install libssl-dev pkg-config')" >&2; exit 1; }

onnxruntime: ## put ONNX Runtime's library into the cache folder
	@$(FETCH) onnxruntime

movielens: ## put MovieLens 100K into the cache folder
	@$(FETCH) movielens

checker: ## put a Python with the onnx package into the cache folder
	@$(FETCH) checker

clients: ## put a Python with clients of Kafka, S3, Parquet and Feast into the cache folder
	@$(FETCH) clients

models: ## put a Python with myFM and Surprise, and the source of LibMF, into the cache folder
	@$(FETCH) models libmf

dvc: ## put a Python with DVC into the cache folder
	@$(FETCH) dvc

gx: ## put a Python with Great Expectations into the cache folder
	@$(FETCH) gx

mlflow: ## put a Python with MLflow into the cache folder
	@$(FETCH) mlflow

perf-analyzer: ## put Triton's load generator into the cache folder
	@$(FETCH) perf-analyzer

model-servers: ## put a Python with Triton's server and KServe's into the cache folder
	@$(FETCH) model-servers

mlserver: ## put a Python with MLServer into the cache folder
	@$(FETCH) mlserver

h2load: ## look for h2load, which sends the load of bench-inference; as root on Debian, install it
	@command -v h2load >/dev/null \
	    || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get -q update \
	        && DEBIAN_FRONTEND=noninteractive apt-get -qy install --no-install-recommends nghttp2-client; } \
	    || { echo "error: h2load is missing: install it (Debian, Ubuntu: 'sudo apt install nghttp2-client')" >&2; exit 1; }

backends: ## put Kafka, Redis and an S3 server into the cache folder
	@$(PYTHON) tests/servers/prepare.py kafka redis s3

servers: ## put every server that tests run, Kubernetes included, into the cache folder
	@$(PYTHON) tests/servers/prepare.py all

clean-cache: ## remove all that was put into the cache folder
	$(call say,removing the cache folder)
	@movielens="$$($(FETCH) --where movielens)"; rm -rf -- "$${movielens%/*}"
