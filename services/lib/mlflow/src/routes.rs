//! The aliases `champion` and `challenger`: the versions that answer and that are on trial.
//!
//! Several processes may change routes. A registered model has the revision of the route that its
//! aliases follow, so that an older change that arrives late does not undo a newer one.

use marquee_domain::Version;
use marquee_ports::TrackedRoute;

use crate::{Error, Recorder};

/// The alias of the version that answers.
pub(crate) const CHAMPION: &str = "champion";

/// The alias of the version on trial.
pub(crate) const CHALLENGER: &str = "challenger";

/// The tag of a registered model with the revision of its route.
const REVISION: &str = "marquee.route_revision";

impl Recorder {
    /// Lets the aliases of a model follow a route. Returns the first version that is not registered
    /// yet, if there is one. Then the route must be followed again.
    pub(crate) async fn follow(&self, route: &TrackedRoute) -> Result<Option<Version>, Error> {
        let model = route.model.as_str();
        let Some(registered) = self.client.registered(model).await? else { return Ok(Some(route.stable)) };
        let followed = registered.tags.get(REVISION).and_then(|revision| revision.parse::<u64>().ok());
        if followed.is_some_and(|followed| followed > route.revision) {
            return Ok(None);
        }
        let move_alias = async |alias: &str, number: &str| match registered.aliases.get(alias) {
            Some(present) if present == number => Ok(()),
            _ => self.client.set_alias(model, alias, number).await,
        };
        let Some(number) = self.registered(&route.model, route.stable).await? else { return Ok(Some(route.stable)) };
        move_alias(CHAMPION, &number).await?;
        let challenger = match route.candidate {
            Some(candidate) => self.registered(&route.model, candidate).await?,
            None => None,
        };
        match &challenger {
            Some(number) => move_alias(CHALLENGER, number).await?,
            // The version that had the alias is not on trial any more.
            None if registered.aliases.contains_key(CHALLENGER) => self.client.delete_alias(model, CHALLENGER).await?,
            None => {}
        }
        if challenger.is_none() && route.candidate.is_some() {
            return Ok(route.candidate);
        }
        self.client.tag_registered(model, REVISION, &route.revision.to_string()).await?;
        Ok(None)
    }
}
