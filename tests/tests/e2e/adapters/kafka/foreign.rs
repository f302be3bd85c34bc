//! A producer that shares nothing with the one under test: Kafka's protocol, byte by byte, so that
//! it can write what no library would.

use anyhow::{Context, Result, ensure};
use marquee_domain::Partition;
use marquee_e2e::servers::Kafka;

/// When its records were made, in milliseconds.
pub(super) const MILLIS: i64 = 1_700_000_000_123;

/// A record; nothing at all is not the same as nothing in it.
pub(super) struct Record<'a> {
    pub(super) key: Option<&'a [u8]>,
    pub(super) value: Option<&'a [u8]>,
    /// Names need not be UTF-8.
    pub(super) headers: &'a [(&'a [u8], Option<&'a [u8]>)],
}

/// Writes records as one batch, to the first broker.
pub(super) async fn produce(kafka: &Kafka, topic: &str, partition: Partition, records: &[Record<'_>]) -> Result<()> {
    const PRODUCE: i16 = 0;
    let batch = batch(records)?;
    let name = [&i16::try_from(topic.len())?.to_be_bytes()[..], topic.as_bytes()].concat();
    let (one, partition) = (1_i32.to_be_bytes(), i32::try_from(partition.0)?.to_be_bytes());
    let body = [
        // No transaction, all replicas, within 10 s.
        &(-1_i16).to_be_bytes()[..],
        &(-1_i16).to_be_bytes(),
        &10_000_i32.to_be_bytes(),
        &one,
        &name,
        &one,
        &partition,
        &i32::try_from(batch.len())?.to_be_bytes(),
        &batch,
    ];
    let answer = kafka.ask(0, PRODUCE, 3, &body.concat()).await?;
    // One topic, its name, one partition, its number; then the error.
    let at = 4 + name.len() + 4 + 4;
    let error = answer.get(at..at + 2).context("the answer is too short")?;
    ensure!(error == [0, 0], "refused with error {error:?}");
    Ok(())
}

fn batch(records: &[Record<'_>]) -> Result<Vec<u8>> {
    let last = i32::try_from(records.len())? - 1;
    let mut checked = Vec::new();
    checked.extend(0_i16.to_be_bytes());
    checked.extend(last.to_be_bytes());
    checked.extend(MILLIS.to_be_bytes());
    checked.extend(MILLIS.to_be_bytes());
    // No producer id, no epoch, no sequence.
    checked.extend([0xff; 8 + 2 + 4]);
    checked.extend((last + 1).to_be_bytes());
    for (index, record) in (0..).zip(records) {
        let mut one = vec![0];
        number(&mut one, 0);
        number(&mut one, index);
        bytes(&mut one, record.key)?;
        bytes(&mut one, record.value)?;
        number(&mut one, i64::try_from(record.headers.len())?);
        for (name, value) in record.headers {
            bytes(&mut one, Some(name))?;
            bytes(&mut one, *value)?;
        }
        bytes(&mut checked, Some(&one))?;
    }
    let mut batch = Vec::new();
    batch.extend(0_i64.to_be_bytes());
    batch.extend(i32::try_from(4 + 1 + 4 + checked.len())?.to_be_bytes());
    batch.extend((-1_i32).to_be_bytes());
    batch.push(2);
    batch.extend(crc32c(&checked).to_be_bytes());
    batch.extend(checked);
    Ok(batch)
}

fn bytes(to: &mut Vec<u8>, bytes: Option<&[u8]>) -> Result<()> {
    number(to, bytes.map_or(Ok(-1), |bytes| i64::try_from(bytes.len()))?);
    to.extend(bytes.unwrap_or_default());
    Ok(())
}

/// Seven bits a byte, the sign last.
fn number(to: &mut Vec<u8>, number: i64) {
    let mut left = ((number << 1) ^ (number >> 63)) as u64;
    while left >= 0x80 {
        to.push(left as u8 | 0x80);
        left >>= 7;
    }
    to.push(left as u8);
}

fn crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc)))
}
