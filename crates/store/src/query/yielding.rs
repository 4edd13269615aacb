//! Yielding where many rows come of few.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode as _};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coop::CooperativeExec;

/// The engine yields where rows come from files and between threads. A join that makes a billion rows of a few batches reads neither
/// for long: it would pass its time limit, and keep its thread. Each join, union and unnesting yields after 128 batches with this.
#[derive(Debug)]
pub(super) struct Yielding;

/// The engine's own rules, and this one after them.
pub(super) fn rules() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let mut rules = PhysicalOptimizer::new().rules;
    rules.push(Arc::new(Yielding));
    rules
}

impl PhysicalOptimizerRule for Yielding {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let done = plan.transform_up(|node| {
            let makes_many = node.children().len() > 1 || node.name() == "UnnestExec";
            Ok(match makes_many {
                true => Transformed::yes(Arc::new(CooperativeExec::new(node)) as _),
                false => Transformed::no(node),
            })
        })?;
        Ok(done.data)
    }

    fn name(&self) -> &'static str {
        "Yielding"
    }

    fn schema_check(&self) -> bool {
        true
    }
}
