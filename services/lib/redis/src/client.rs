//! What the store and its leases share.

use crate::layout::Layout;
use crate::link::Link;
use crate::script::Scripts;
use crate::watch::Watch;

/// The connection to Redis, the names of the keys, and the scripts.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) link: Link,
    pub(crate) layout: Layout,
    pub(crate) scripts: Scripts,
    pub(crate) watch: Watch,
}
