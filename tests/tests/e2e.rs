//! Marquee end to end, over its public APIs.

#[path = "e2e/adapters.rs"]
mod adapters;
#[path = "e2e/backends.rs"]
mod backends;
#[path = "e2e/bad_input.rs"]
mod bad_input;
#[path = "e2e/chaos.rs"]
mod chaos;
#[path = "e2e/cli.rs"]
mod cli;
#[path = "e2e/cluster.rs"]
mod cluster;
#[path = "e2e/crash.rs"]
mod crash;
#[path = "e2e/damage.rs"]
mod damage;
#[path = "e2e/evaluation.rs"]
mod evaluation;
#[path = "e2e/features.rs"]
mod features;
#[path = "e2e/foreign.rs"]
mod foreign;
#[path = "e2e/http.rs"]
mod http;
#[path = "e2e/live.rs"]
mod live;
#[path = "e2e/monitor.rs"]
mod monitor;
#[path = "e2e/operations.rs"]
mod operations;
#[path = "e2e/operator.rs"]
mod operator;
#[path = "e2e/packages.rs"]
mod packages;
#[path = "e2e/pages.rs"]
mod pages;
#[path = "e2e/quotas.rs"]
mod quotas;
#[path = "e2e/rollouts.rs"]
mod rollouts;
#[path = "e2e/routing.rs"]
mod routing;
#[path = "e2e/rules.rs"]
mod rules;
#[path = "e2e/servers.rs"]
mod servers;
#[path = "e2e/shared.rs"]
mod shared;
#[path = "e2e/spine.rs"]
mod spine;
#[path = "e2e/tensors.rs"]
mod tensors;
#[path = "e2e/training.rs"]
mod training;
