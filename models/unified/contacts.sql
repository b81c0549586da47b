-- Who is the same person: DECISIONS.md, "A person".
with staged as (
    {{ union_staged('contacts', [
        'account', 'contact_id', 'contact_name', 'provider_phone', 'provider_email', 'external_id',
        'created_at', 'deleted_at',
    ]) }}
),

written as (
    select *,
           regexp_replace(provider_phone, '[ ().-]', '', 'g') as bare_phone,
           lower(trim(provider_email)) as bare_email
      from staged
),

known as (
    select *,
           -- a keyed hash tells who is the same as well as a number does
           case when bare_phone like '+hmac:%' then bare_phone
                when bare_phone like '+%'
                 and length(bare_phone) between 9 and 16
                 and translate(substring(bare_phone from 2), '0123456789', '') = ''
                 and substring(bare_phone from 2 for 1) <> '0'
                then bare_phone end as phone,
           case when bare_email like '%_@_%._%' and bare_email not like '% %'
                  or bare_email like 'hmac:%'
                then bare_email end as email
      from written
),

-- an address that belongs to one number belongs to that number's person
owners as (
    select email, min(phone) as phone
      from known
     where email is not null and phone is not null
     group by email
    having count(distinct phone) = 1
)

select known.provider,
       known.account,
       known.contact_id,
       case when known.phone is not null then md5('phone:' || known.phone)
            when owners.phone is not null then md5('phone:' || owners.phone)
            when known.email is not null then md5('email:' || known.email)
            else md5('contact:' || known.provider || ':' || known.account || ':' || known.contact_id)
       end as person_id,
       case when known.phone is not null then 'its number'
            when owners.phone is not null then 'the number of its e-mail address'
            when known.email is not null then 'its e-mail address'
            else 'nothing but its id'
       end as person_rule,
       known.contact_name,
       known.phone,
       known.provider_phone,
       known.email,
       known.external_id,
       known.created_at,
       known.deleted_at
  from known
  left join owners on owners.email = known.email
