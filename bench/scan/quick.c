#define _POSIX_C_SOURCE 200809L
#include "portcullis/scan.h"
#include "../micro/bench.h"
#include "texts.h"
#include <stdlib.h>
#define PROMPTS 64
static struct { struct scan_engine *e; struct scan_scratch *s; struct scan_set *set; unsigned views; size_t chunk;} j;
static char prompts[PROMPTS][2048]; static unsigned turn;
static const char fourteen[] =
        "ssn,ssn_no_dash,credit_card,email,phone_us,phone,ip_address,date_of_birth,passport,iban,"
        "drivers_license,bank_account,tax_id,api_key";
static struct scan_set *make(const char*types,size_t terms){
    static char words[100000][TERM_BYTES];
    struct scan_term *list=calloc(terms+1,sizeof *list); struct issue issue; struct scan_spec spec={.terms=list,.terms_count=terms};
    struct str names=str_from(types); while(names.len>0) ASSERT(scan_types_add(&spec.types,str_cut(&names,','),&issue)==ERR_OK);
    for(size_t i=0;i<terms;i++){ texts_term(i,words[i]); list[i].text=str_from(words[i]); list[i].id=(uint32_t)i; }
    struct scan_set*set; double f=bench_now_ns(); ASSERT(scan_set_new(j.e,&spec,&set,&issue)==ERR_OK);
    if(terms) printf("compile %zu: %.1f ms\n",terms,(bench_now_ns()-f)/1e6);
    ASSERT(scan_scratch_fit(j.s,set)==ERR_OK); free(list); return set; }
static struct str next(void){ return (struct str){prompts[turn++%PROMPTS],2048}; }
static size_t nfound;
static void once(void*c){(void)c; struct scan_finding items[64]; struct scan_findings f={.items=items,.capacity=64};
 ASSERT(scan_text(j.set,j.s,next(),j.views,&f)==ERR_OK); nfound+=f.count; bench_keep(&f);}
static void inj(void*c){(void)c; struct scan_injection in; ASSERT(scan_injection(j.e,j.s,next(),&in)==ERR_OK); bench_keep(&in);}
static uint8_t of_term(const void*c,uint32_t id){(void)c;(void)id;return 0;}
static void sieve(void*c){(void)c; static struct scan_keys keys; struct scan_action action={.kind=SCAN_REDACT}; static struct scan_plan plan; static struct scan_types all; static struct buf out;
 if(plan.actions==NULL||1){memset(&all,0xff,sizeof all); scan_plan_init(&plan,&action,1); scan_plan_set(&plan,&all,0); plan.of_term=of_term; out.bytes_max=1<<20;}
 struct str t=next(); struct scan_sieve s; scan_sieve_init(&s,j.set,&plan,&keys,1<<16); buf_clear(&out);
 for(size_t at=0;at<t.len;at+=j.chunk) ASSERT(scan_sieve_feed(&s,j.s,str_sub(t,at,at+j.chunk),&out,NULL)==ERR_OK);
 ASSERT(scan_sieve_close(&s,j.s,&out,NULL)==ERR_OK); bench_keep(&out); scan_sieve_fini(&s);}
int main(int argc,char**argv){ bench_filter=argc>1?argv[1]:NULL;
 for(unsigned i=0;i<PROMPTS;i++) texts_clean(i,prompts[i],2048);
 ASSERT(scan_engine_new(&j.e)==ERR_OK); ASSERT(scan_scratch_new(&j.s)==ERR_OK);
 struct {const char*name; struct scan_set*set; unsigned views;} v[]={
 {"14 types",make(fourteen,0),1},{"default",make("default",0),1},{"all",make("all",0),1},{"10k terms",make("",10000),1},{"14+10k",make(fourteen,10000),1},
 {"all+10k",make("all",10000),1},{"all+inj+10k views",make("all,injection_phrases",10000),15},{"inj phrases views",make("injection_phrases",0),15},{"100k",make("",100000),1}};
 for(size_t i=0;i<sizeof v/sizeof*v;i++){j.set=v[i].set;j.views=v[i].views;nfound=0;bench_run(v[i].name,once,&j,2048); }
 bench_run("injection",inj,&j,2048);
 j.chunk=4; j.set=v[0].set; bench_run("sieve 14 by 4",sieve,&j,2048); j.set=v[4].set; bench_run("sieve 14+10k by 4",sieve,&j,2048);  j.set=v[5].set; bench_run("sieve all+10k by 4",sieve,&j,2048);
 return 0;}
