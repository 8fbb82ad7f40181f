//! Writes `scenario.toml`, with a comment on every value.

use super::manifest::Manifest;
use crate::model::{Capacity, ReviewPolicy};

impl Manifest {
    /// The manifest as a commented `scenario.toml`, which parses to the same manifest.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut text = format!(
            "# Name, start and environment of this scenario, and the files of its tables.\n\
             name = {}\n\
             format = 1\n\
             # The Monday of the first week.\n\
             start = \"{}\"\n\
             # Default number of weeks of a simulation.\n\
             weeks = {}\n\
             # Default time zone of clients.\n\
             default_zone = \"{}\"\n",
            toml::Value::from(self.name.as_str()),
            self.start.monday(),
            self.weeks,
            self.default_zone,
        );
        text.push_str(&self.capacity_and_review_text());
        text.push_str(&self.environment_text());
        text.push_str("\n# Each table's file in this folder: CSV or Parquet, by extension.\n[files]\n");
        for (table, file) in &self.files {
            text.push_str(&format!("{table} = {}\n", toml::Value::from(file.as_str())));
        }
        text
    }

    fn capacity_and_review_text(&self) -> String {
        let Capacity { reviewers, reviews_per_reviewer_per_day } = &self.capacity;
        let ReviewPolicy { medium_approved, high_approved, delay_hours, planned_ahead_hours } = &self.review;
        format!(
            "\n[capacity]\n\
             # Number of reviewers per workspace.\n\
             reviewers = {reviewers}\n\
             # Posts that one reviewer can review per day.\n\
             reviews_per_reviewer_per_day = {reviews_per_reviewer_per_day}\n\
             \n[review]\n\
             # Share of posts of medium and of high risk that reviewers approve.\n\
             medium_approved = {medium_approved:?}\n\
             high_approved = {high_approved:?}\n\
             # Mean hours from planning to the review decision.\n\
             delay_hours = {delay_hours:?}\n\
             # Hours before Monday 00:00 at which the week is planned and review begins.\n\
             planned_ahead_hours = {planned_ahead_hours:?}\n"
        )
    }

    fn environment_text(&self) -> String {
        let environment = &self.environment;
        format!(
            "\n# The simulated environment. The planner does not use these values.\n\
             [environment]\n\
             # Noise of a single post: standard deviation of the log of its engagement. Real posts have 0.6 to 1.5.\n\
             noise_log_sd = {:?}\n\
             # Day-to-day correlation of a channel's results, and the standard deviation of that correlated part (log).\n\
             channel_ar1 = {:?}\n\
             channel_log_sd = {:?}\n\
             # Standard deviation of an account's drift per week (log).\n\
             account_drift_log_sd = {:?}\n\
             # Loss from frequent posting: engagement is multiplied by (1 + earlier posts) to the power of minus this,\n\
             # over the last 24 hours and over the last 7 days.\n\
             loss_24_hours = {:?}\n\
             loss_7_days = {:?}\n\
             # Loss from posting more than usual for weeks: engagement is multiplied by (posts in 28 days / usual number)\n\
             # to the power of minus this. An assumption.\n\
             lasting_loss = {:?}\n\
             # Minimum of that usual number: with fewer posts nothing is lost.\n\
             min_usual_posts = {:?}\n\
             # Share of the audience that leaves at a post, and of the recipients that unsubscribe at an email.\n\
             # 0.0010 to 0.0026 is measured for email; the other is an assumption.\n\
             leave_per_post = {:?}\n\
             leave_per_email = {:?}\n\
             # Posts in 7 days at which twice these shares leave. An assumption.\n\
             leave_doubling_posts = {:?}\n\
             # True standard deviation between hours of the day, and between weekdays (log). Small in real data.\n\
             hour_log_sd = {:?}\n\
             weekday_log_sd = {:?}\n\
             # Standard deviation of the true engagement rate around that of the channels table (log).\n\
             rate_log_sd = {:?}\n\
             # Engagements per person reached if the channels table has no rate.\n\
             unknown_engagement_rate = {:?}\n\
             # Log gain of an asset with quality 1 over one with quality 0.\n\
             asset_log_gain = {:?}\n\
             # Share of the newest week in momentum, visibility and engagement scores.\n\
             score_smoothing = {:?}\n",
            environment.noise_log_sd,
            environment.channel_ar1,
            environment.channel_log_sd,
            environment.account_drift_log_sd,
            environment.loss_24_hours,
            environment.loss_7_days,
            environment.lasting_loss,
            environment.min_usual_posts,
            environment.leave_per_post,
            environment.leave_per_email,
            environment.leave_doubling_posts,
            environment.hour_log_sd,
            environment.weekday_log_sd,
            environment.rate_log_sd,
            environment.unknown_engagement_rate,
            environment.asset_log_gain,
            environment.score_smoothing,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::manifest::{MANIFEST_FILE, Manifest};

    #[test]
    fn a_written_manifest_is_parsed_to_the_same_values() {
        let mut manifest = Manifest::new("Quotes \" and # marks".to_owned(), "2026-W37".parse().unwrap(), 12);
        manifest.environment.noise_log_sd = 0.1 + 0.2;
        manifest.default_zone = "Australia/Sydney".parse().unwrap();
        manifest.files.insert("assets".to_owned(), "assets.parquet".to_owned());
        assert_eq!(Manifest::parse(MANIFEST_FILE, &manifest.to_toml()).unwrap(), manifest);
    }
}
